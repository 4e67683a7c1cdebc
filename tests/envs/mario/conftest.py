"""A program of one's own to run on the emulator, and the game's ROM where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("warp", reason="the extra 'mario' is not installed (no Warp)")

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import NesBatch, Player
from rlsuite.envs.mario.nes.rom import Rom, parse_rom


def ines(program: bytes = b"", *, nmi: int = 0x9000, start: int = 0x8000, prg_banks: int = 2, seed: int = 0) -> bytes:
    """A mapper-0 file: ``program`` at $8000, an RTI at $9000, tiles of noise."""
    prg = np.zeros(16384 * prg_banks, np.uint8)
    prg[: len(program)] = np.frombuffer(program, np.uint8)
    prg[0x1000] = 0x40  # RTI
    for at_byte, address in ((-6, nmi), (-4, start), (-2, 0x9000)):
        prg[at_byte], prg[at_byte + 1 or None] = address & 0xFF, address >> 8
    chr = np.random.default_rng(seed).integers(0, 256, 8192, dtype=np.uint8)
    return b"NES\x1a" + bytes([prg_banks, 1, 1, 0]) + bytes(8) + prg.tobytes() + chr.tobytes()


class Machine:
    """One NES running a program of ours."""

    def __init__(self, program: bytes, **kwargs: int) -> None:
        self.batch = NesBatch(parse_rom(ines(program, **kwargs), "a test program"), 1)
        self._player = Player(self.batch, 1)
        self.ram = self.batch.ram[0].numpy()
        self.regs = self.batch.regs[0].numpy()

    def play(self, frames: int = 1, buttons: int = 0, delay: int = 0, pause: int = 0) -> Machine:
        self.batch.orders[0, :] = 0
        for column, value in (
            (at.ORDER_BUTTONS, buttons), (at.ORDER_FRAMES, frames), (at.ORDER_DELAY, delay), (at.ORDER_PAUSE, pause),
        ):  # fmt: skip
            self.batch.orders[0, column] = value
        self._player.play(np.zeros(1, np.int32))
        return self


@pytest.fixture
def machine() -> Callable[..., Machine]:
    """Make a `Machine` from the bytes of a program that begins at $8000."""
    return Machine


@pytest.fixture
def rom_file(tmp_path: Path) -> Callable[..., Path]:
    """Write an iNES file, with some of its bytes changed, and return its path."""

    def write(changes: dict[int, int] | None = None, *, cut: int = 0, more: int = 0, **kwargs: int) -> Path:
        data = bytearray(ines(**kwargs))  # type: ignore[arg-type]
        for where, value in (changes or {}).items():
            data[where] = value
        path = tmp_path / "game.nes"
        path.write_bytes(bytes(data[: len(data) - cut]) + bytes(more))
        return path

    return write


@pytest.fixture
def test_rom() -> Rom:
    """A program that only waits."""
    return parse_rom(ines(bytes([0x4C, 0x00, 0x80])), "a test program")
