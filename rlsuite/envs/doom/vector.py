"""Many Doom engines as one vector environment, stepped by threads of one process.

Each thread takes the next environment that is free: the engine runs without the GIL, then the same
thread resizes, stacks and keeps the books, so that nothing is left for the trainer to loop over.
A watchdog kills an engine that does not answer; the environment whose engine died gets a new one, its
episode counts as truncated, and the run goes on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import warnings
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from gymnasium import spaces

from rlsuite.envs.doom.config import DoomConfig
from rlsuite.envs.doom.engine import (
    SCENARIOS_FOLDER,
    Engine,
    EngineDied,
    Outcome,
    check_package,
    private_folder,
    scenario_wad,
)
from rlsuite.envs.doom.floorplan import RoomFinder, load_floor_plan
from rlsuite.envs.doom.lane import Lane, Picture
from rlsuite.envs.doom.looks import RESTART_SEED, ArtFiles, Wardrobe, find_art
from rlsuite.envs.doom.pool import Job, ThreadPool
from rlsuite.envs.doom.scenarios import SCENARIOS, Scenario
from rlsuite.envs.vector import StateTree, Step, VectorEnv

TICS_PER_SECOND = 35
START_ATTEMPTS = 3
THREADS_PER_CORE = 4
"""A thread mostly waits for its engine, a process of its own: more threads than cores keep the cores busy."""
INFO_KEYS = {
    "x": np.float32,
    "y": np.float32,
    "facing": np.float32,
    "is_success": np.bool_,
    "n_cells": np.int32,
    "n_rooms": np.int32,
    "engine_restarted": np.bool_,
}


def make(
    id: str, n_envs: int, *, seed: int, options: DoomConfig, device: str = "cpu", n_threads: int | None = None
) -> DoomVectorEnv:
    """Make a vectorised Doom level; see `rlsuite.envs.levels`."""
    return DoomVectorEnv(SCENARIOS[id], n_envs, seed=seed, options=options, device=device, n_threads=n_threads)


class DoomVectorEnv(VectorEnv):
    """A Doom level, ``n_envs`` times.

    Observations are uint8 (frame_stack, size, size), oldest picture first. A reward above the level's
    goal ends the episode as terminated, also when the engine has not noticed yet; death and the map's
    own end terminate too; the clock truncates. After a terminal decision the engine shows no picture,
    so ``next_obs`` then repeats the last one. ``info`` holds the player's position after the decision,
    the 64-unit cells and the rooms of this episode so far, and whether the engine had to be replaced.

    Args:
        scenario: The level.
        n_envs: Engines.
        seed: Seed of all random streams.
        options: The ``env`` section.
        device: Where observations lie.
        n_threads: Cores to keep busy; None for all. Each gets four threads, for they mostly wait for engines.

    Raises:
        UserError: A file of the vizdoom package is missing or broken.
        RunError: The engines do not start.
    """

    def __init__(
        self,
        scenario: Scenario,
        n_envs: int,
        *,
        seed: int = 0,
        options: DoomConfig | None = None,
        device: str = "cpu",
        n_threads: int | None = None,
    ) -> None:
        self.scenario = scenario
        self.options = options = options or DoomConfig(id=scenario.id)
        self.max_steps = options.max_episode_steps or max(1, scenario.max_tics // options.frame_skip)
        shape = (options.frame_stack, options.frame_size, options.frame_size)
        super().__init__(
            n_envs,
            spaces.Box(0, 255, shape, np.uint8),
            spaces.Discrete(len(scenario.actions)),
            info_keys=INFO_KEYS,
            device=device,
            render_fps=TICS_PER_SECOND / options.frame_skip,
            frames_per_step=options.frame_skip,
        )
        self._make_buffers(n_envs, shape)
        self._picture = Picture(options.frame_size, scenario.noise if options.noise is None else options.noise)
        self._seed = seed
        self._jobs: dict[int, Job] = {}
        self._wardrobe: Wardrobe | None = None
        self._start_lanes(seed, THREADS_PER_CORE * (n_threads or os.cpu_count() or 1))

    def _make_buffers(self, n: int, shape: tuple[int, ...]) -> None:
        self._obs, self._next_obs = np.zeros((n, *shape), np.uint8), np.zeros((n, *shape), np.uint8)
        self._reward = np.zeros(n, np.float32)
        self._terminated, self._truncated = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self._info = {key: np.zeros(n, dtype) for key, dtype in INFO_KEYS.items()}
        self._actions = np.zeros(n, np.int64)

    def _start_lanes(self, seed: int, n_threads: int) -> None:
        options, scenario = self.options, self.scenario
        check_package(scenario)
        self._folder = private_folder()
        self._wad = wad = scenario_wad(scenario, self._folder)
        seeds = np.random.SeedSequence(seed).spawn(self.num_envs)
        rooms = self._room_finder()
        self.lanes = [
            Lane(
                Engine(
                    scenario,
                    wad,
                    self._folder / str(i),
                    frame_skip=options.frame_skip,
                    skill=options.skill,
                    color=options.color,
                    patience_s=options.engine_timeout_s,
                ),
                seeds[i],
                rooms,
            )
            for i in range(self.num_envs)
        ]
        engines = [lane.engine for lane in self.lanes]
        self._pool = ThreadPool(min(n_threads, self.num_envs), "doom")
        stop = threading.Event()
        threading.Thread(target=_watch, args=(engines, stop), daemon=True, name="doom-watchdog").start()
        self._finalizer = weakref.finalize(self, _shut_down, engines, self._pool, stop, self._folder)
        try:
            self._pool.submit(self._start, range(self.num_envs)).wait()
        except BaseException:
            self.close()
            raise

    def _room_finder(self) -> RoomFinder | None:
        if not self.scenario.room_sectors:
            return None
        wad = SCENARIOS_FOLDER / Path(self.scenario.cfg).with_suffix(".wad").name
        return RoomFinder(load_floor_plan(wad), self.scenario.room_sectors)

    # -- what the threads do -------------------------------------------------------------------

    def _start(self, i: int, seed: int | None = None) -> None:
        """Start an engine, with a few attempts."""
        lane = self.lanes[i]
        for attempt in range(START_ATTEMPTS):
            try:
                lane.engine.start(lane.next_seed() if seed is None else seed)
                return
            except EngineDied:
                lane.engine.close()
                if attempt == START_ATTEMPTS - 1:
                    raise

    def _begin(self, i: int) -> None:
        """Begin an episode and write its first observation."""
        lane = self.lanes[i]
        if self._wardrobe is not None:
            self._wardrobe.dress(i, lane, self._start)
        try:
            lane.begin()
        except EngineDied as error:
            self._replace_engine(i, error)
            lane.begin()
        obs = self._obs[i]
        obs[:] = 0
        if lane.screen is not None:
            self._picture(lane.screen, lane.noise_rng, obs[-1])

    def _advance(self, i: int) -> None:
        """One decision of one environment, with all its bookkeeping."""
        lane = self.lanes[i]
        try:
            outcome = lane.engine.act(int(self._actions[i]))
        except EngineDied as error:
            self._replace_engine(i, error)
            self._next_obs[i] = self._obs[i]
            self._finish(i, 0.0, terminated=False, truncated=True, restarted=True)
            return
        lane.n_steps += 1
        lane.see(outcome)
        self._stack(i, outcome)
        goal = self.scenario.goal_reward is not None and outcome.reward > self.scenario.goal_reward
        terminated = goal or outcome.finished
        self._info["is_success"][i] = goal
        self._finish(i, outcome.reward, terminated, not terminated and lane.n_steps >= self.max_steps, False)

    def _stack(self, i: int, outcome: Outcome) -> None:
        after, before = self._next_obs[i], self._obs[i]
        after[:-1] = before[1:]
        if outcome.screen is None:
            after[-1] = before[-1]
        else:
            self._picture(outcome.screen, self.lanes[i].noise_rng, after[-1])

    def _finish(self, i: int, reward: float, terminated: bool, truncated: bool, restarted: bool) -> None:
        """Write what the step gave, and begin the next episode if this one is over."""
        lane, info = self.lanes[i], self._info
        self._reward[i], self._terminated[i], self._truncated[i] = reward, terminated, truncated
        info["x"][i], info["y"][i], info["facing"][i] = lane.position
        info["n_cells"][i], info["n_rooms"][i] = len(lane.cells), len(lane.visited_rooms)
        info["engine_restarted"][i] = restarted
        if restarted:
            info["is_success"][i] = False
        if terminated or truncated:
            self._begin(i)
        else:
            self._obs[i] = self._next_obs[i]

    def _replace_engine(self, i: int, error: EngineDied) -> None:
        lane = self.lanes[i]
        lane.engine.close()
        lane.n_restarts += 1
        warnings.warn(f"environment {i}: {error}; a new one was started", RuntimeWarning, stacklevel=2)
        self._start(i)

    # -- the vector environment ----------------------------------------------------------------

    @property
    def n_restarts(self) -> int:
        """Engines that died or hung and were replaced, so far."""
        return sum(lane.n_restarts for lane in self.lanes)

    @property
    def engine_pids(self) -> list[int | None]:
        """The process id of every engine."""
        return [lane.engine.pid for lane in self.lanes]

    def reset_all(self, seed: int | None = None) -> torch.Tensor:
        """Begin a new episode in every environment; see `VectorEnv.reset_all`."""
        if seed is not None:
            for lane, sequence in zip(self.lanes, np.random.SeedSequence(seed).spawn(self.num_envs), strict=True):
                lane.reseed(sequence)
        self._pool.submit(self._begin, range(self.num_envs)).wait()
        return torch.from_numpy(self._obs).to(self.device)

    def send(self, actions: torch.Tensor | np.ndarray, group: int = 0) -> None:
        """Begin a decision of one group. ``actions`` is (n,) int."""
        where = self.group_slice(group)
        self._actions[where] = actions.cpu().numpy() if isinstance(actions, torch.Tensor) else actions
        self._jobs[group] = self._pool.submit(self._advance, range(where.start, where.stop))

    def recv(self, group: int = 0) -> Step:
        """Wait for the group; the tensors are views of this environment's buffers (on the CPU)."""
        self._jobs.pop(group).wait()
        where = self.group_slice(group)
        arrays = (self._obs, self._reward, self._terminated, self._truncated, self._next_obs)
        tensors = (torch.from_numpy(array[where]).to(self.device) for array in arrays)
        return Step(*tensors, info={key: array[where] for key, array in self._info.items()})

    @property
    def art_files(self) -> ArtFiles:
        """Where this level's pictures and map lie, for who wants to redraw them."""
        return find_art(self.scenario, self._wad)

    @property
    def look_folder(self) -> Path:
        """A private folder for WADs of looks; it goes with the engines."""
        return self._folder

    def set_looks(self, looks: Sequence[tuple[Path, str | None]], *, seed: int | None = None, every: int = 8) -> None:
        """Let every episode choose a look at random; call `reset_all` afterwards.

        Looks are maps of WAD files. A change within a file costs nothing; one of file starts the engine anew (about
        0.3 s), so an engine keeps its file for ``every`` episodes. An engine that shows the file already goes on.

        Args:
            looks: WAD and map of each; none: the level's own look again.
            seed: Of the choice, which has streams of its own; None for this environment's own.
            every: Episodes between changes of file.

        Raises:
            RunError: The engines do not start with these files.
        """
        wads = list(dict.fromkeys(wad for wad, _ in looks)) or [self._wad]
        self._wardrobe = Wardrobe(looks, self.num_envs, self._seed if seed is None else seed, every) if looks else None
        changed = [i for i, lane in enumerate(self.lanes) if lane.engine.wad != wads[i % len(wads)]]
        for i, lane in enumerate(self.lanes):
            lane.engine.wad, lane.doom_map, lane.look, lane.look_episodes = wads[i % len(wads)], None, 0, 0
        if changed:
            self._pool.submit(self._restart, changed).wait()

    def _restart(self, i: int) -> None:
        self.lanes[i].engine.close()
        self._start(i, RESTART_SEED)

    @property
    def looks(self) -> np.ndarray:
        """Which look each environment shows, (n_envs,) int32: 1 for the first given, 0 is the level's own."""
        return np.array([lane.look for lane in self.lanes], np.int32)

    def proof_state(self) -> np.ndarray:
        """What must not depend on the look: everything the games count, (n_envs, k) float64."""
        return np.array([lane.engine.variables() for lane in self.lanes])

    def state_dict(self) -> StateTree:
        """The random streams. Engines cannot be saved: a resumed run restarts its episodes."""
        return {"lanes": [lane.state_dict() for lane in self.lanes]}

    def load_state_dict(self, state: StateTree) -> torch.Tensor:
        """Bring the random streams back and begin new episodes."""
        for lane, saved in zip(self.lanes, state["lanes"], strict=True):
            lane.load_state_dict(saved)
        return self.reset_all()

    def render_frame(self, index: int = 0) -> np.ndarray:
        """The screen of one environment, uint8 (120, 160, 3); gray unless ``color`` is set."""
        screen = self.lanes[index].screen
        if screen is None:
            return np.zeros((120, 160, 3), np.uint8)
        return screen.copy() if screen.ndim == 3 else np.repeat(screen[:, :, None], 3, axis=2)

    def close(self) -> None:
        """End every engine and remove their files. May be called twice."""
        for job in self._jobs.values():
            with contextlib.suppress(Exception):  # its error was `recv`'s to tell
                job.wait()
        self._jobs.clear()
        self._finalizer()


def _watch(engines: list[Engine], stop: threading.Event) -> None:
    """Kill every engine that is overdue, until told to stop."""
    while not stop.wait(0.5):
        for engine in engines:
            if engine.overdue:
                engine.kill()


def _shut_down(engines: list[Engine], pool: ThreadPool, stop: threading.Event, folder: Path) -> None:
    """End everything; at exit too, if nobody called `DoomVectorEnv.close`."""
    pool.submit(lambda i: engines[i].close(), range(len(engines))).wait()
    pool.close()
    stop.set()
    shutil.rmtree(folder, ignore_errors=True)
