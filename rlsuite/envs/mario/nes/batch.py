"""Many NES machines as plain arrays, and the launches that play and draw them.

`NesBatch` owns the state of all machines. A `Player` is what one thread needs to play some of them:
on the CPU several threads work side by side (a launch releases the interpreter lock), on a GPU one
launches for all.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import warp as wp

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.cpu import play
from rlsuite.envs.mario.nes.predecode import predecode
from rlsuite.envs.mario.nes.rom import Rom
from rlsuite.envs.mario.nes.tiles import spread_tiles
from rlsuite.errors import DataError

STATE = {"ram": at.RAM_SIZE, "vram": at.VRAM_SIZE, "oam": at.N_SPRITES, "palette": at.PALETTE_SIZE, "regs": at.N_REGS}
"""The arrays that are the machine, and the size of one environment's row in each."""

_DTYPES = {"ram": torch.uint8, "vram": torch.uint8, "oam": torch.int32, "palette": torch.uint8, "regs": torch.int32}
_WARP = {torch.uint8: wp.uint8, torch.int32: wp.int32, torch.int64: wp.uint64, torch.float32: wp.float32}

BLOCK_DIM = 32
"""Threads of a CUDA block: few, because 4,096 environments should spread over all multiprocessors."""


def kernel_view(tensor: torch.Tensor, *, words: bool = False) -> wp.array:
    """The flat view that kernels take of a contiguous tensor. No copy; the view keeps the tensor alive.

    int64 becomes uint64; ``words`` reads any tensor's memory as uint64, e.g. eight pixels at a time.
    """
    flat = tensor.view(-1)
    return wp.from_torch(flat.view(torch.int64) if words else flat, dtype=wp.uint64 if words else _WARP[tensor.dtype])


def check_tile_sets(rom: Rom, tile_sets: np.ndarray) -> np.ndarray:
    """Refuse a bank of looks that is not (n, 8192) uint8 with the game's own look first.

    Raises:
        DataError: Wrong shape, or another set 0.
    """
    tile_sets = np.asarray(tile_sets)
    if tile_sets.ndim != 2 or not len(tile_sets) or tile_sets.shape[1] != len(rom.chr) or tile_sets.dtype != np.uint8:
        raise DataError(f"tile sets must be uint8 (n, {len(rom.chr)}), got {tile_sets.dtype} {tile_sets.shape}")
    if not np.array_equal(tile_sets[0], rom.chr):
        raise DataError("tile set 0 must be the game's own; put other looks after it")
    return tile_sets


@dataclass(frozen=True)
class Scenes:
    """Frames to play on through without buttons, because the player has no control in them.

    Attributes:
        max_frames: At most so many at the end of a step; 0 never.
        address, values: A RAM address, and the values there (each below 32) that tell such a frame.
        address_2, values_2: Another.
    """

    max_frames: int = 0
    address: int = 0
    values: tuple[int, ...] = ()
    address_2: int = 0
    values_2: tuple[int, ...] = ()

    def packed(self) -> np.ndarray:
        """As `cpu.play` takes it, (5,) int32."""
        bits = [sum(1 << value for value in values) for values in (self.values, self.values_2)]
        return np.array([self.max_frames, self.address, bits[0], self.address_2, bits[1]], np.int32)


class NesBatch:
    """``n_envs`` machines with one program.

    Args:
        rom: The program.
        n_envs: Number of machines; all are in the state of `power_on`.
        device: ``"cpu"`` or ``"cuda"``.
        scenes: What to play on through at the end of a step.

    Attributes:
        ram, vram, oam, palette, regs: The state, torch tensors (n_envs, ...), see `layout`. They may be
            written between steps.
        skins: (n_envs,) int32, which tile set each machine shows; 0 is the game's own.
        orders: (n_envs, N_ORDERS) int32, what the next `Player.play` does.
    """

    def __init__(self, rom: Rom, n_envs: int, *, device: str = "cpu", scenes: Scenes | None = None) -> None:
        self.rom = rom
        self.n_envs = n_envs
        self.device = torch.device(device)
        self.mirroring = int(rom.vertical_mirroring)
        for name, size in STATE.items():
            setattr(self, name, self.tensor((n_envs, size), _DTYPES[name]))
        self.ram: torch.Tensor
        self.vram: torch.Tensor
        self.oam: torch.Tensor
        self.palette: torch.Tensor
        self.regs: torch.Tensor
        self.lines = self.tensor((n_envs, at.SCREEN_H), torch.int32)
        self.orders = self.tensor((n_envs, at.N_ORDERS), torch.int32)
        self.skins = self.tensor((n_envs,), torch.int32)
        self.code = torch.from_numpy(predecode(rom.prg)).to(self.device)
        self.prg = torch.from_numpy(rom.prg.copy()).to(self.device)
        self.scenes = torch.from_numpy((scenes or Scenes()).packed()).to(self.device)
        self.chr: torch.Tensor
        self.tiles: torch.Tensor
        self.set_tiles(rom.chr[None])
        self.power_on()

    def tensor(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """A zeroed tensor on the batch's device."""
        return torch.zeros(shape, dtype=dtype, device=self.device)

    def set_tiles(self, tile_sets: np.ndarray) -> None:
        """Give the machines a bank of looks; `skins` then says who wears which.

        The program and sprite-0 hits only ever read set 0, so a look cannot change the play. Players
        and painters made before keep the old bank.

        Args:
            tile_sets: (n_skins, 8192) uint8; set 0 must be the game's own.

        Raises:
            DataError: Wrong shape, or another set 0.
        """
        tile_sets = check_tile_sets(self.rom, tile_sets)
        self.chr = torch.from_numpy(np.ascontiguousarray(tile_sets[0])).to(self.device)
        self.tiles = torch.from_numpy(spread_tiles(tile_sets).view(np.int64)).to(self.device)

    def power_on(self) -> None:
        """Switch every machine off and on: memory zeroed, the reset vector taken.

        The PPU begins at the start of a vertical blank with its flag set, as NESdev Wiki, "PPU power
        up state", finds most often.
        """
        for name in STATE:
            getattr(self, name).zero_()
        start = int(self.rom.prg[0x7FFC]) | int(self.rom.prg[0x7FFD]) << 8
        first = {at.S: 0xFD, at.P: 0x24, at.PC: start, at.DOT: 21, at.STATUS: 0x80, at.HIT: at.NEVER}
        for column, value in first.items():
            self.regs[:, column] = value

    def state(self, rows: Any = slice(None)) -> dict[str, torch.Tensor]:
        """A copy of the state of some machines (all), without anything of the ROM."""
        return {name: getattr(self, name)[rows].clone() for name in STATE}

    def load_state(self, state: Mapping[str, torch.Tensor], rows: Any = slice(None), source: Any = slice(None)) -> None:
        """Set machines ``rows`` to rows ``source`` of ``state``, bit for bit.

        Raises:
            DataError: An array is missing or has another shape.
        """
        for name, size in STATE.items():
            if name not in state or state[name].shape[1:] != (size,):
                found = tuple(state[name].shape) if name in state else "nothing"
                raise DataError(f"not a state of this emulator: '{name}' should be (n, {size}), found {found}")
        for name in STATE:
            getattr(self, name)[rows] = torch.as_tensor(state[name])[source].to(self.device)

    def faults(self) -> dict[int, str]:
        """What unsupported things machines did: environment to a sentence. Empty if none."""
        found = {}
        regs = self.regs[:, [at.FAULTS, at.FIRST_FAULT]].cpu().numpy()
        for env in np.flatnonzero(regs[:, 0]):
            count, first = int(regs[env, 0]), int(regs[env, 1])
            found[int(env)] = f"{at.FAULT_NAMES[first >> 16]} ${first & 0xFFFF:04X} (first of {count})"
        return found


class Player:
    """Plays machines of a batch, in the calling thread. Make one for each thread.

    Args:
        batch: Whose machines.
        most: At most so many at a time.
        scenes: Whether to play on through the batch's scenes.
    """

    def __init__(self, batch: NesBatch, most: int, *, scenes: bool = True) -> None:
        self.rows = RowList(most, batch.device)
        no_scenes = torch.zeros_like(batch.scenes)
        arrays = (batch.orders, batch.code, batch.prg, batch.chr, batch.ram, batch.vram, batch.oam, batch.palette)
        self._play = Command(
            play,
            self.rows,
            [
                *(kernel_view(tensor) for tensor in (*arrays, batch.regs, batch.lines)),
                batch.mirroring,
                kernel_view(batch.scenes if scenes else no_scenes),
            ],
        )

    def play(self, rows: np.ndarray) -> None:
        """Play what ``batch.orders`` says for each of these machines."""
        self._play.run(self.rows.set(rows))


class RowList:
    """The machines a launch works on, in memory that recorded launches point to."""

    def __init__(self, most: int, device: torch.device) -> None:
        self.tensor = torch.zeros(most, dtype=torch.int32, device=device)
        self.view = kernel_view(self.tensor)
        self._numpy = self.tensor.numpy() if device.type == "cpu" else None

    def set(self, rows: np.ndarray) -> int:
        """Put ``rows`` (k,) int32 in and return k."""
        if self._numpy is not None:
            self._numpy[: len(rows)] = rows
        else:
            self.tensor[: len(rows)] = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.int32))
        return len(rows)


class Command:
    """A recorded launch over a `RowList`: a plain `warp.launch` costs several times as much."""

    def __init__(self, kernel: Any, rows: RowList, inputs: list[Any], threads_per_row: int = 1) -> None:
        self._threads = threads_per_row
        self._n = -1
        self._inputs = inputs  # keeps their memory alive
        device = str(rows.tensor.device)
        launch = wp.launch(
            kernel, dim=1, inputs=[rows.view, *inputs], device=device, record_cmd=True, block_dim=BLOCK_DIM
        )
        assert launch is not None, "record_cmd gives the launch back"
        self._launch = launch
        self._call = _direct_call(self._launch) if rows.tensor.device.type == "cpu" else self._launch.launch

    def run(self, n_rows: int) -> None:
        """Launch for the first ``n_rows`` of the list."""
        if n_rows == 0:
            return
        if n_rows != self._n:
            self._launch.set_dim(n_rows * self._threads)
            self._n = n_rows
        self._call()


def _direct_call(launch: Any) -> Callable[[], None]:
    """A recorded CPU launch with its arguments packed once and for all.

    `warp.Launch.launch` packs them anew every time, which takes longer than a small kernel. Where a
    version of Warp keeps its parts elsewhere, its own method is used.
    """
    try:
        forward, arguments = launch.hooks.forward, launch.params[1:]
        fields = [(f"argument_{i}", type(argument)) for i, argument in enumerate(arguments)]
        packed = ctypes.byref(type("Arguments", (ctypes.Structure,), {"_fields_": fields})(*arguments))
        if launch.params[0] is not launch.bounds or forward is None:
            return launch.launch
    except (AttributeError, TypeError):
        return launch.launch
    return lambda: forward(ctypes.byref(launch.bounds), packed)
