"""Broken and foreign ROM files are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rlsuite.envs.mario import stages
from rlsuite.envs.mario.nes.rom import load_rom
from rlsuite.errors import DataError, MissingExtraError


def test_a_sound_file_is_read(rom_file: Callable[..., Path]) -> None:
    rom = load_rom(rom_file())
    assert rom.prg.shape == (32768,)
    assert rom.chr.shape == (8192,)
    assert rom.vertical_mirroring
    assert len(rom.digest) == 16


def test_a_16k_program_appears_twice(rom_file: Callable[..., Path]) -> None:
    rom = load_rom(rom_file(prg_banks=1))
    assert np.array_equal(rom.prg[:16384], rom.prg[16384:])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"changes": {0: 0x50, 1: 0x4B}}, "not an iNES file"),
        ({"cut": 100}, "cut off: 40876 bytes, the header promises 40976"),
        ({"cut": 40970}, "cut off after 6 bytes"),
        ({"more": 1}, "too long: 40977 bytes"),
        ({"changes": {6: 0x41}}, "mapper 4; this emulator plays mapper 0"),
        ({"changes": {7: 0x10}}, "mapper 16"),
        ({"changes": {6: 0x05}}, "trainer"),
        ({"changes": {6: 0x09}}, "four-screen"),
        ({"changes": {4: 4}}, "4 x 16 KB program"),
        ({"changes": {5: 0}}, "0 x 8 KB picture ROM"),
    ],
)
def test_a_broken_file_is_named(rom_file: Callable[..., Path], arguments: dict, words: str) -> None:
    path = rom_file(**arguments)
    with pytest.raises(DataError, match=words) as caught:
        load_rom(path)
    assert str(path) in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such ROM file"):
        load_rom(tmp_path / "nothing.nes")


def test_another_game_is_refused(
    rom_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "cache_folder", lambda: tmp_path)
    path = rom_file()
    with pytest.raises(DataError, match=r"does not play like Super Mario Bros\. \(0 of 32 stages began"):
        stages.load_stages(path)
    assert not list(tmp_path.glob("mario/*")), "nothing of a refused ROM is kept"


def test_without_a_rom_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="no ROM") as caught:
        stages.find_rom()
    assert "env.rom" in str(caught.value)
    assert "rlsuite[mario]" in str(caught.value)
