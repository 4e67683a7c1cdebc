"""A batched NES (6502, PPU, controller; mapper 0) as Warp kernels, for the CPU and CUDA from one source."""

try:
    import warp  # noqa: F401 (every module in here needs it)
except ImportError as error:
    from rlsuite.errors import MissingExtraError

    raise MissingExtraError("the Warp NES emulator", "mario", str(error)) from None
