"""The emulator against two others: cynes (cycle-accurate) bit for bit, nes-py in its own phase."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def compare(script: str, *arguments: object) -> dict[str, int]:
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def cynes_rom(game: Path) -> Path:
    pytest.importorskip("cynes", reason="cynes, a development dependency, is not installed")
    return game


def assert_equal(result: dict[str, int], frames: int) -> None:
    assert result["frames"] == frames + 60
    assert result["ram"] == 0, "frames whose 2,048 bytes of memory differ"
    assert result["pictures"] > 0
    assert result["pictures_differ"] == 0
    assert result["faults"] == 0


def test_memory_and_pictures_equal_cynes(cynes_rom: Path) -> None:
    result = compare("compare_cynes.py", cynes_rom, -1, 600, 0)
    assert_equal(result, 600)
    assert result["furthest"] > 200


@pytest.mark.slow
@pytest.mark.parametrize("stage", range(32))
def test_every_stage_equals_cynes(cynes_rom: Path, stage: int) -> None:
    result = compare("compare_cynes.py", cynes_rom, stage, 2000, stage)
    assert_equal(result, 2000)


@pytest.mark.slow
def test_a_long_play_with_deaths_equals_cynes(cynes_rom: Path) -> None:
    result = compare("compare_cynes.py", cynes_rom, -1, 15000, 7)
    assert_equal(result, 15000)
    assert result["deaths"] >= 3


@pytest.mark.slow
def test_another_game_equals_cynes(cynes_rom: Path) -> None:
    other = cynes_rom.with_name("super-mario-bros-lost-levels.nes")
    if not other.is_file():
        pytest.skip("no second mapper-0 ROM installed")
    assert_equal(compare("compare_cynes.py", other, -1, 4000, 3), 4000)


@pytest.fixture
def nes_py_rom(game: Path) -> Path:
    pytest.importorskip("nes_py", reason="nes-py needs Python 3.13")
    return game


@pytest.mark.parametrize("frames", [500, pytest.param(3000, marks=pytest.mark.slow)])
def test_memory_equals_nes_py_in_its_own_phase(nes_py_rom: Path, frames: int) -> None:
    """nes-py stops every 29,781 CPU cycles, mostly within the interrupt handler: one byte may be ahead."""
    result = compare("compare_nes_py.py", nes_py_rom, frames, 0)
    assert result["frames"] == frames
    assert result["equal"] >= 0.93 * frames
    assert result["most_bytes"] <= 1
    assert result["key_equal"] == frames, "position, state, lives, timer, score and mode"
    assert result["furthest"] > 100
