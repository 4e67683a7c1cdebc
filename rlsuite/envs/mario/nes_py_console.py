"""nes-py under a Mario level: the reference to compare with.

It plays with a phase of its own (a step is a fixed number of CPU cycles), draws with a palette of its
own, and its snapshots carry graphics; they stay in memory, so this console cannot be restored from a
file. Machines are played one after the other.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import RowList, Scenes, check_tile_sets
from rlsuite.envs.mario.nes.image import ImageSpec, area_weights
from rlsuite.envs.mario.nes.rom import load_rom
from rlsuite.envs.mario.stages import (
    AREA_NUMBER,
    GAME_CORE,
    GAME_ENGINE_TASK,
    LEVEL_NUMBER,
    OPER_MODE,
    OPER_MODE_TASK,
    PLAYER_CONTROL,
    PLAYING,
    SCREEN_TIMER,
    TITLE_SCREEN,
    WORLD_NUMBER,
    stage_area,
)
from rlsuite.errors import DataError, MissingExtraError

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class NesPyConsole:
    """Machines of nes-py (see `console.Console`).

    Args:
        rom: ROM file.
        n_envs: Number of machines.
        image: The kind of picture; gray ones with a size only.
        scenes: What to play on through.
    """

    restorable = False

    def __init__(self, rom: Path, n_envs: int, *, image: ImageSpec, scenes: Scenes | None) -> None:
        try:
            from nes_py import NESEnv
        except ImportError as error:
            raise MissingExtraError("env.backend nes_py", "mario", f"{error}; it needs Python 3.13") from None
        self._rom = load_rom(rom)
        self._rom_bytes = rom.read_bytes()
        self._new_machine = partial(NESEnv, str(rom))
        self._lock = threading.Lock()
        self.machines = [self._new_machine() for _ in range(n_envs)]
        self.memory = [machine.ram for machine in self.machines]
        self.image = image
        self.scenes = scenes or Scenes()
        self.ram = torch.zeros((n_envs, at.RAM_SIZE), dtype=torch.uint8)
        self.regs = torch.zeros((n_envs, at.N_REGS), dtype=torch.int32)
        self.orders = torch.zeros((n_envs, at.N_ORDERS), dtype=torch.int32)
        self.held = np.zeros(n_envs, np.int64)
        self.before = np.zeros((n_envs, at.SCREEN_H, at.SCREEN_W), np.float32) if image.brighter_of_two else None
        # a snapshot of nes-py points to the cartridge of the machine that made it: keep that machine
        self._starts: dict[tuple[int, int], tuple[Any, object]] = {}
        self._tile_sets = self._rom.chr[None]
        self.looks = torch.zeros(n_envs, dtype=torch.int32)

    def set_tile_sets(self, tile_sets: np.ndarray) -> None:
        """Give the machines a bank of looks; a snapshot carries its look, so a change of episode changes it."""
        self._tile_sets = check_tile_sets(self._rom, tile_sets)
        self._starts = {key: start for key, start in self._starts.items() if key[1] == 0}
        self.looks[:] = 0

    def hand(self, most: int) -> NesPyHand:
        """Tools for one thread."""
        return NesPyHand(self, most)

    def start_of(self, stage: int, look: int = 0) -> object:
        """Snapshot (nes-py's own) of a stage's first moment, made on first use by a machine of its own."""
        with self._lock:
            if (stage, look) not in self._starts:
                machine = self._new_machine() if look == 0 else self._machine_of(look)
                self._starts[stage, look] = machine, _boot(machine, stage)
            return self._starts[stage, look][1]

    def _machine_of(self, look: int) -> Any:
        """A machine whose cartridge shows another look: nes-py reads its ROM from a file, which is gone at once."""
        from nes_py import NESEnv

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "look.nes"
            file.write_bytes(self._rom_bytes[: -len(self._rom.chr)] + self._tile_sets[look].tobytes())
            return NESEnv(str(file))

    def state(self) -> dict[str, torch.Tensor]:
        """Nothing: snapshots hold graphics and stay in memory."""
        return {}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Never called: the console is not restorable."""
        raise DataError("states of env.backend nes_py are not kept; its episodes begin anew on resume")

    def screen(self, index: int) -> np.ndarray:
        """One machine's whole screen in nes-py's colours."""
        return np.array(self.machines[index].screen)

    def faults(self) -> dict[int, str]:
        """None: nes-py does not tell."""
        return {}


class NesPyHand:
    """Plays and draws nes-py machines (see `console.Hand`)."""

    def __init__(self, console: NesPyConsole, most: int) -> None:
        self._console = console
        self.rows = RowList(most, torch.device("cpu"))
        top, bottom, left, right = console.image.crop
        height, width = console.image.size or (at.SCREEN_H, at.SCREEN_W)
        self._down = _matrix(at.SCREEN_H, top, bottom, height)
        self._across = _matrix(at.SCREEN_W, left, right, width)

    def begin(self, rows: np.ndarray, stage: int) -> None:
        """Load the stage's snapshot."""
        console = self._console
        for env in rows.tolist():
            console.machines[env].load_state(console.start_of(stage, int(console.looks[env])))
            console.held[env] = 0

    def play(self, rows: np.ndarray) -> None:
        """Play frame by frame; see `nes.cpu.play`."""
        console = self._console
        for env in rows.tolist():
            machine, ram = console.machines[env], console.memory[env]
            buttons, frames, delay = console.orders[env].tolist()[:3]
            for frame in range(frames):
                if frame == frames - 1 and console.before is not None:
                    console.before[env] = self._gray(env)
                if frame >= delay:
                    console.held[env] = buttons
                machine._frame_advance(int(console.held[env]))
            played = frames + self._play_scenes(machine, ram, env)
            console.regs[env, at.STEP_FRAMES] = played
            console.ram[env] = torch.from_numpy(np.array(ram))

    def _play_scenes(self, machine: Any, ram: np.ndarray, env: int) -> int:
        scenes = self._console.scenes
        for frame in range(scenes.max_frames):
            if int(ram[scenes.address]) not in scenes.values and int(ram[scenes.address_2]) not in scenes.values_2:
                return frame
            self._console.held[env] = 0
            machine._frame_advance(0)
        return scenes.max_frames

    def paint(self, rows: np.ndarray, out: torch.Tensor, channel: int) -> None:
        """Average the areas of the screen's luma."""
        for env in rows.tolist():
            gray = self._gray(env)
            if self._console.before is not None:
                gray = np.maximum(gray, self._console.before[env])
            small = self._down @ gray @ self._across.T
            out[env, channel] = torch.from_numpy(np.rint(small).astype(np.uint8))

    def _gray(self, env: int) -> np.ndarray:
        return self._console.machines[env].screen.astype(np.float32) @ _LUMA


def _matrix(n_source: int, before: int, after: int, n_out: int) -> np.ndarray:
    matrix = np.zeros((n_out, n_source), np.float32)
    for row, (first, weights) in zip(matrix, area_weights(n_source - before - after, n_out, before, 256), strict=True):
        row[first : first + len(weights)] = weights / 256
    return matrix


def _boot(machine: Any, stage: int) -> object:
    """Boot the game to a stage, as `stages.make_stages` does."""
    machine.reset()
    ram = machine.ram
    world, level = divmod(stage, 4)
    for frame in range(400):
        title = ram[OPER_MODE] == TITLE_SCREEN
        if frame >= 30:
            if title:
                ram[WORLD_NUMBER], ram[LEVEL_NUMBER], ram[AREA_NUMBER] = world, level, stage_area(world + 1, level + 1)
            else:
                ram[SCREEN_TIMER] = 0
        machine._frame_advance(at.BUTTON_START if title and frame % 8 == 6 else 0)
        in_play = ram[OPER_MODE] == PLAYING and ram[OPER_MODE_TASK] == GAME_CORE
        if in_play and ram[GAME_ENGINE_TASK] == PLAYER_CONTROL:
            return machine.dump_state()
    raise DataError(f"nes-py did not reach stage {world + 1}-{level + 1}; is the ROM Super Mario Bros.?")
