"""The one Warp module that all kernels share, and where its compiled code is kept.

Each Warp module costs about three seconds the first time, whatever its size, so there is one.
"""

from __future__ import annotations

import ctypes
import os
import sys

import warp as wp

from rlsuite.envs.mario.folders import cache_folder

# Warp greets every process on standard output; rlsuite's output is its own.
if wp.config.log_level < wp.LOG_WARNING:
    wp.config.log_level = wp.LOG_WARNING
if wp.config.kernel_cache_dir is None and "WARP_CACHE_PATH" not in os.environ:
    wp.config.kernel_cache_dir = str(cache_folder() / "warp")


def _has_cuda_driver() -> bool:
    for name in ("nvcuda.dll",) if os.name == "nt" else ("libcuda.so", "libcuda.so.1"):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def _init_warp() -> None:
    """Start Warp; where there is no CUDA driver, without its native code's warning that there is none."""
    if _has_cuda_driver():
        wp.init()
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        wp.init()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


_init_warp()
MODULE = wp.get_module("rlsuite_nes")
# Nothing is differentiated; loops stay loops (unrolling them costs build time and gains nothing).
MODULE.options["enable_backward"] = False
MODULE.options["max_unroll"] = 1
