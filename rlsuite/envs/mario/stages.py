"""The 32 stages of Super Mario Bros.: where each begins and ends, and a snapshot of its first moment.

The snapshots are made once: the game is booted as a player would, with the wanted world and stage
written to its memory on the title screen, and kept as soon as the player has control. They hold
RAM, video memory, sprites, palette and registers only. How far the goal is, is read from the
stage's object list in the program ROM, to which the game itself points.

References: the disassembly "SMBDIS.ASM" (doppelganger) for the names of memory locations;
gym-super-mario-bros 9.1 (`decode_target`) for the area that belongs to a stage.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from rlsuite.envs.mario.folders import cache_folder
from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import STATE, NesBatch, Player
from rlsuite.envs.mario.nes.rom import Rom, load_rom
from rlsuite.errors import DataError, MissingExtraError

N_STAGES = 32
FORMAT = 1
"""Raise when snapshots made by older code must not be read."""

# RAM locations, with the disassembly's names.
OPER_MODE, OPER_MODE_TASK, GAME_ENGINE_TASK = 0x0770, 0x0772, 0x000E
WORLD_NUMBER, LEVEL_NUMBER, AREA_NUMBER = 0x075F, 0x075C, 0x0760
AREA_DATA, SCREEN_TIMER, GAME_TIMER = 0x00E7, 0x07A0, 0x07F8
PLAYER_PAGE, PLAYER_X = 0x006D, 0x0086
TITLE_SCREEN, PLAYING, GAME_CORE, PLAYER_CONTROL = 0, 1, 3, 8


@dataclass(frozen=True)
class Stages:
    """Start snapshots and measures of all stages, index (world - 1) * 4 + stage - 1.

    Attributes:
        state: Snapshots, arrays of `nes.batch.STATE` with 32 rows.
        measures: (32, 3) int32: x at the start, x of the goal (flagpole, axe, or the pipe that leads
            out), and the address of the object list of the area that these lie in.
    """

    state: dict[str, torch.Tensor]
    measures: torch.Tensor


def find_rom(path: str | Path | None = None) -> Path:
    """The user's ROM file, or the one that gym-super-mario-bros has installed (found without importing it).

    Raises:
        MissingExtraError: Neither is there.
    """
    if path is not None:
        return Path(path).expanduser()
    spec = find_spec("gym_super_mario_bros")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        rom = Path(folder) / "_roms" / "super-mario-bros.nes"
        if rom.is_file():
            return rom
    raise MissingExtraError(
        "Super Mario Bros.",
        "mario",
        "no ROM: gym-super-mario-bros 9.1 brings one on Python 3.13; elsewhere set env.rom to your own file",
    )


def stage_index(stage: str) -> int:
    """``"1-1"`` to ``"8-4"`` as 0 to 31."""
    world, _, number = stage.partition("-")
    return (int(world) - 1) * 4 + int(number) - 1


def stage_area(world: int, stage: int) -> int:
    """The game's area number of a stage: four worlds have an area more, a walk to a pipe before stage 2."""
    return stage - 1 + int(world in (1, 2, 4, 7) and stage >= 2)


def load_stages(rom: str | Path) -> tuple[Rom, Stages]:
    """Read a ROM and its stages' snapshots, from the cache or made and put there.

    Raises:
        DataError: Not a ROM of Super Mario Bros.
    """
    cartridge = load_rom(rom)
    path = cache_folder() / "mario" / f"stages-{FORMAT}-{cartridge.digest}.safetensors"
    stages = _read(path)
    if stages is None:
        stages = make_stages(cartridge, str(rom))
        _write(path, stages)
    return cartridge, stages


def _read(path: Path) -> Stages | None:
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError):  # none yet, or cut off: made anew
        return None
    measures = arrays.pop("measures", None)
    if measures is None or set(arrays) != set(STATE):
        return None
    whole = all(tuple(arrays[k].shape) == (N_STAGES, n) for k, n in STATE.items())
    return Stages(arrays, measures) if whole else None


def _write(path: Path, stages: Stages) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}")
    save_file({**stages.state, "measures": stages.measures}, aside)
    aside.replace(path)


def make_stages(rom: Rom, name: str = "the ROM", max_frames: int = 400) -> Stages:
    """Boot the game 32 times side by side and keep each stage's first moment under control.

    Raises:
        DataError: The program never came to play; it is not Super Mario Bros.
    """
    batch = NesBatch(rom, N_STAGES)
    player, rows = Player(batch, N_STAGES), np.arange(N_STAGES, dtype=np.int32)
    ram, orders = batch.ram.numpy(), batch.orders.numpy()
    worlds, levels = np.divmod(np.arange(N_STAGES), 4)
    areas = [stage_area(int(w) + 1, int(s) + 1) for w, s in zip(worlds, levels, strict=True)]
    kept, begun = batch.state(), np.zeros(N_STAGES, bool)
    orders[:, at.ORDER_FRAMES] = 1
    for frame in range(max_frames):
        title = ram[:, OPER_MODE] == TITLE_SCREEN
        if frame >= 30:  # the title screen is up
            for address, values in ((WORLD_NUMBER, worlds), (LEVEL_NUMBER, levels), (AREA_NUMBER, areas)):
                ram[title, address] = np.asarray(values)[title]
            ram[~title, SCREEN_TIMER] = 0  # do not dwell on the screen that names the stage
        orders[:, at.ORDER_BUTTONS] = np.where(title & (frame % 8 == 6), at.BUTTON_START, 0)
        player.play(rows)
        under_control = (ram[:, OPER_MODE] == PLAYING) & (ram[:, OPER_MODE_TASK] == GAME_CORE)
        under_control &= (ram[:, GAME_ENGINE_TASK] == PLAYER_CONTROL) & ~begun
        if under_control.any():
            where = torch.from_numpy(np.flatnonzero(under_control))
            for key, tensor in batch.state(where).items():
                kept[key][where] = tensor
            begun |= under_control
        if begun.all():
            return Stages(kept, _measure(rom, kept["ram"].numpy()))
    raise DataError(
        f"{name}: the program does not play like Super Mario Bros. ({begun.sum()} of {N_STAGES} stages began"
        + "".join(f"; {fault}" for fault in list(batch.faults().values())[:1])
        + "). Give a ROM of the original game (Japan/USA)."
    )


def _measure(rom: Rom, ram: np.ndarray) -> torch.Tensor:
    wide = ram.astype(np.int32)
    start = wide[:, PLAYER_PAGE] * 256 + wide[:, PLAYER_X]
    area = wide[:, AREA_DATA] | wide[:, AREA_DATA + 1] << 8
    goal = [goal_x(rom.prg, int(address)) for address in area]
    return torch.from_numpy(np.stack([start, goal, area], axis=1).astype(np.int32))


def goal_x(prg: np.ndarray, address: int) -> int:
    """Where an area ends: x of the flagpole, the axe, or the pipe that leads out.

    An object is two bytes: x within the page (4 bits), row (4 bits); next page (1 bit), kind. In row
    13, bit 6 of the kind set means a special object (1 flagpole, 2 axe), clear sets the page; in row
    15, kind 4 is the exit pipe; in rows 0-11, kind 9 is the one under water. $FD ends the list.
    """
    at_byte, page, ends = address - 0x8000, 0, []
    while prg[at_byte] != 0xFD and len(ends) < 64:
        first, second = int(prg[at_byte]), int(prg[at_byte + 1])
        at_byte += 2
        page += second >> 7
        row, x = first & 15, first >> 4
        if row == 13 and not second & 0x40:
            page = second & 0x1F
        elif (
            (row == 13 and second & 0x3F in (1, 2))
            or (row == 15 and (second >> 4) & 7 == 4)
            or (row < 12 and second & 0x7F == 9)
        ):
            ends.append(page * 256 + x * 16)
    return max(ends, default=(page + 1) * 256)
