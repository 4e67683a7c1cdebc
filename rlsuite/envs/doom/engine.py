"""One Doom process: known pid, private folder, no way to outlive or to block its trainer."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import vizdoom

from rlsuite.envs.doom.scenarios import Scenario
from rlsuite.envs.doom.wad import lumps, with_spawn
from rlsuite.errors import MissingExtraError, RunError, UserError

SCENARIOS_FOLDER = Path(vizdoom.scenarios_path)
ENGINE_PATH = Path(vizdoom.__file__).parent / "vizdoom"
LAUNCHER = Path(__file__).with_name("launcher.py")
FOLDER_PREFIX = "rlsuite-doom-"
POSITION = (vizdoom.GameVariable.POSITION_X, vizdoom.GameVariable.POSITION_Y, vizdoom.GameVariable.ANGLE)
PROOF_VARIABLES = tuple(
    getattr(vizdoom.GameVariable, name)
    for name in (
        *("KILLCOUNT", "ITEMCOUNT", "SECRETCOUNT", "HITCOUNT", "HITS_TAKEN", "DAMAGECOUNT"),
        *("DAMAGE_TAKEN", "HEALTH", "ARMOR", "DEAD", "ON_GROUND", "ATTACK_READY", "SELECTED_WEAPON"),
        *("SELECTED_WEAPON_AMMO", "AMMO2", "AMMO3", "AMMO4", "AMMO5", "POSITION_X", "POSITION_Y", "POSITION_Z"),
        *("ANGLE", "PITCH", "VELOCITY_X", "VELOCITY_Y", "VELOCITY_Z", "USER1", "USER2", "USER3"),
    )
)
"""What the game itself counts in an episode; a look must leave all of it alone. (DEATHCOUNT counts over the life of an
engine, which a look may end.)"""


START_TIMEOUT_S = 180.0
"""How long an engine may take to start. Long, because vizdoom crashes the interpreter when an engine
dies while it starts: the watchdog's usual patience would turn a busy machine into a crash."""


_ONE_AT_A_TIME = threading.Lock()
"""vizdoom's start and close are not safe in two threads at once: now and then they crash the interpreter."""


class EngineDied(RunError):
    """The engine's process ended, by itself or because it was killed."""


@dataclass(slots=True)
class Outcome:
    """What one decision gave.

    Attributes:
        reward: Sum of the engine's rewards over the decision's tics.
        finished: The engine ended the episode (goal, death, exit).
        screen: The picture after it, uint8 (120, 160) or (120, 160, 3); None if the engine, finished,
            shows none.
        position: x, y in map units and facing in degrees; None with the screen.
    """

    reward: float
    finished: bool
    screen: np.ndarray | None
    position: np.ndarray | None


def private_folder() -> Path:
    """A temporary folder for one vector environment; what dead trainers left behind is swept first."""
    sweep_dead_folders()
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    me = psutil.Process()
    (folder / "owner.json").write_text(json.dumps({"pid": me.pid, "created": me.create_time()}))
    return folder


def sweep_dead_folders() -> None:
    """Remove the folders, and the shared memory of the engines in them, whose trainer is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError, ValueError, KeyError):  # another user's, or being made or removed now
            owner = json.loads((folder / "owner.json").read_text())
            if _is_alive(owner["pid"], owner["created"]):
                continue
            for record in folder.glob("*/engine.json"):
                remove_shared_memory(json.loads(record.read_text())["instance"])
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int, created: float) -> bool:
    with contextlib.suppress(psutil.Error):
        return abs(psutil.Process(pid).create_time() - created) < 1.0
    return False


def remove_shared_memory(instance: str) -> None:
    """Free what a killed engine leaves in /dev/shm."""
    if instance.isalnum():
        for kind in ("SM", "MQCtr", "MQDoom"):
            with contextlib.suppress(OSError):
                Path(f"/dev/shm/ViZDoom{kind}{instance}").unlink()


def scenario_wad(scenario: Scenario, folder: Path) -> Path | None:
    """The WAD of a level with a pinned start, written into ``folder``; None if the cfg's own serves."""
    if scenario.spawn is None:
        return None
    path = folder / f"{scenario.id.replace('/', '_')}.wad"
    if not path.exists():
        source = SCENARIOS_FOLDER / Path(scenario.cfg).with_suffix(".wad").name
        path.write_bytes(with_spawn(source.read_bytes(), scenario.spawn))
    return path


def check_package(scenario: Scenario) -> None:
    """Refuse what would make an engine die at its start (which vizdoom does not survive).

    Raises:
        MissingExtraError: The vizdoom package lacks the engine or the level's files.
        DataError: The level's WAD is broken.
    """
    cfg = SCENARIOS_FOLDER / scenario.cfg
    if not cfg.is_file():
        raise MissingExtraError(scenario.id, "doom", f"this vizdoom has no {cfg.name}")
    if not os.access(ENGINE_PATH, os.X_OK):
        raise MissingExtraError(scenario.id, "doom", f"{ENGINE_PATH} is missing or may not be executed")
    wad = cfg.with_suffix(".wad")
    if scenario.doom_map is None:
        if not wad.is_file():
            raise MissingExtraError(scenario.id, "doom", f"this vizdoom has no {wad.name}")
        lumps(wad.read_bytes(), str(wad))


class Engine:
    """One game. Its calls block in the engine without the GIL; use it from one thread at a time.

    Args:
        scenario: The level.
        wad: Its WAD if not the cfg's own.
        folder: Private folder of this engine; made here.
        frame_skip: Tics per decision.
        skill: Difficulty instead of the level's own.
        color: Render RGB instead of gray.
        patience_s: How long one call may take before the watchdog may `kill` (`overdue`).
    """

    def __init__(
        self,
        scenario: Scenario,
        wad: Path | None,
        folder: Path,
        *,
        frame_skip: int,
        skill: int | None,
        color: bool,
        patience_s: float,
    ) -> None:
        self.scenario, self.wad, self.folder = scenario, wad, folder
        self.frame_skip, self.skill, self.color, self.patience_s = frame_skip, skill, color, patience_s
        self.busy_since: float | None = None
        """When the engine call that is running now began (`time.monotonic`), for the watchdog."""
        self._presses: list[list[float]] = []
        self._game: vizdoom.DoomGame | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None before the engine runs."""
        with contextlib.suppress(OSError, ValueError):
            return int(json.loads((self.folder / "engine.json").read_text())["pid"])
        return None

    def start(self, seed: int) -> None:
        """Start the process.

        Raises:
            RunError: It does not come up.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "engine.json").unlink(missing_ok=True)
        self.patience_s, patience = START_TIMEOUT_S, self.patience_s
        with _ONE_AT_A_TIME:
            game = self._configure(vizdoom.DoomGame())
            game.set_seed(seed)
            self._guard(game.init)
        self.patience_s = patience
        self._game = game

    def _configure(self, game: vizdoom.DoomGame) -> vizdoom.DoomGame:
        scenario = self.scenario
        if not game.load_config(str(SCENARIOS_FOLDER / scenario.cfg)):
            raise UserError(f"{SCENARIOS_FOLDER / scenario.cfg} cannot be read by vizdoom {vizdoom.__version__}")
        game.set_vizdoom_path(str(self._write_start_script()))
        if self.wad is not None:
            game.set_doom_scenario_path(str(self.wad))
        if scenario.doom_map is not None:
            game.set_doom_map(scenario.doom_map)
        if (skill := self.skill or scenario.skill) is not None:
            game.set_doom_skill(skill)
        if scenario.living_reward is not None:
            game.set_living_reward(scenario.living_reward)
        game.set_available_buttons([getattr(vizdoom.Button, name) for name in scenario.buttons])
        game.set_available_game_variables(list(POSITION))
        game.set_episode_timeout(0)  # the clock is ours: an engine that ends the episode shows no last picture
        self._set_rendering(game)
        self._presses = [[float(b in action) for b in scenario.buttons] for action in scenario.actions]
        return game

    def _set_rendering(self, game: vizdoom.DoomGame) -> None:
        game.set_screen_resolution(vizdoom.ScreenResolution.RES_160X120)
        game.set_screen_format(vizdoom.ScreenFormat.RGB24 if self.color else vizdoom.ScreenFormat.GRAY8)
        for switch in (game.set_window_visible, game.set_sound_enabled, game.set_console_enabled):
            switch(False)
        for buffer in (game.set_audio_buffer_enabled, game.set_automap_buffer_enabled, game.set_depth_buffer_enabled):
            buffer(False)
        for buffer in (game.set_labels_buffer_enabled, game.set_notifications_buffer_enabled):
            buffer(False)
        game.set_mode(vizdoom.Mode.PLAYER)

    def _write_start_script(self) -> Path:
        """Vizdoom starts one file without arguments of ours, so the launcher's are in a shell script."""
        script = self.folder / "engine"
        words = [sys.executable, "-I", "-S", LAUNCHER, os.getpid(), self.folder / "engine.json", ENGINE_PATH]
        quoted = " ".join("'" + str(word).replace("'", "'\\''") + "'" for word in words)
        script.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n')
        script.chmod(0o700)
        return script

    def new_episode(self, seed: int, doom_map: str | None = None) -> Outcome:
        """Begin an episode whose randomness comes from ``seed``, on another map of the WAD if one is named.

        Raises:
            EngineDied: The process ended.
        """
        assert self._game is not None, "start the engine first"
        if doom_map is not None:
            self._guard(self._game.set_doom_map, doom_map)
        self._game.set_seed(seed)
        self._guard(self._game.new_episode)
        return self._look(0.0)

    def act(self, action: int) -> Outcome:
        """Hold the action's buttons for one decision.

        Raises:
            EngineDied: The process ended.
        """
        assert self._game is not None, "start the engine first"
        presses = self._presses[action]
        return self._look(self._guard(self._game.make_action, presses, self.frame_skip))

    def variables(self) -> list[float]:
        """Everything the game counts (`PROOF_VARIABLES`) and its clock; zeros between episodes."""
        assert self._game is not None, "start the engine first"
        if self._game.is_episode_finished():
            return [0.0] * (len(PROOF_VARIABLES) + 1)
        return [float(self._game.get_episode_time()), *map(self._game.get_game_variable, PROOF_VARIABLES)]

    def _look(self, reward: float) -> Outcome:
        assert self._game is not None
        state = self._game.get_state()
        if state is None:
            return Outcome(reward, True, None, None)
        return Outcome(reward, self._game.is_episode_finished(), state.screen_buffer, state.game_variables)

    def _guard(self, call: Callable[..., Any], *arguments: object) -> Any:
        self.busy_since = time.monotonic()
        try:
            return call(*arguments)
        except (
            vizdoom.ViZDoomUnexpectedExitException,
            vizdoom.ViZDoomErrorException,
            vizdoom.ViZDoomIsNotRunningException,
        ) as error:
            raise EngineDied(f"the Doom engine of {self.scenario.id} (pid {self.pid}) ended: {error}") from error
        finally:
            self.busy_since = None

    @property
    def overdue(self) -> bool:
        """Whether the call that runs now has run for too long."""
        since = self.busy_since
        return since is not None and time.monotonic() - since > self.patience_s

    def kill(self) -> None:
        """End the process at once, from any thread; a call that waits for it raises `EngineDied`."""
        if (pid := self.pid) is None:
            return
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.ppid() == os.getpid():
                process.kill()

    def close(self) -> None:
        """End the process and free its shared memory."""
        self.kill()
        if self._game is not None:
            with _ONE_AT_A_TIME, contextlib.suppress(Exception):  # a dead game may complain; nothing is left to do
                self._game.close()
        with contextlib.suppress(OSError, ValueError, KeyError):
            remove_shared_memory(json.loads((self.folder / "engine.json").read_text())["instance"])
        self._game = None
