"""Mario levels as a vector environment."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import gymnasium as gym
import numpy as np
import torch

from rlsuite.envs.mario.actions import MEANINGS, PATHAK_14
from rlsuite.envs.mario.chance import Chance
from rlsuite.envs.mario.config import MarioConfig
from rlsuite.envs.mario.console import Console, WarpConsole, scenes
from rlsuite.envs.mario.game import INFO_KEYS, Judge
from rlsuite.envs.mario.lane import HostRows, Lane, Table
from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.image import ImageSpec
from rlsuite.envs.mario.nes.rom import load_rom
from rlsuite.envs.mario.stages import Stages, find_rom, load_stages, stage_index
from rlsuite.envs.vector import StateTree, Step, VectorEnv
from rlsuite.errors import UserError
from rlsuite.runs.seeding import stream_seed

FRAMES_PER_S = 60.0988
"""The NTSC NES's frame rate (NESdev Wiki, "Cycle reference chart")."""


def make(
    id: str, n_envs: int, *, seed: int, options: MarioConfig, device: str = "cpu", n_threads: int | None = None
) -> MarioVectorEnv:
    """Make ``mario/<world>-<stage>/<reward>`` or ``mario/full/<reward>`` (a level factory).

    Raises:
        MissingExtraError: No ROM is at hand.
        DataError: The ROM is broken or of another game.
        UserError: The backend cannot be used here.
    """
    _, stage, reward = id.split("/")
    return MarioVectorEnv(stage, reward, n_envs, seed=seed, options=options, device=device, n_threads=n_threads)


class MarioVectorEnv(VectorEnv):
    """Super Mario Bros., many at a time.

    Observations are uint8 (n, frame_stack, frame_size, frame_size), actions those of
    `actions.PATHAK_14`. ``Step.info`` names things as gym-super-mario-bros does; ``progress`` is the
    share of the level reached in this episode, 0 to 1, and ``is_success`` that it was cleared.

    Args:
        stage: ``"1-1"`` to ``"8-4"``, or ``"full"``.
        reward: ``"dense"``, ``"flag"`` or ``"no_reward"``.
        n_envs: Number of machines.
        seed: Seed of what chance there is (no-ops at the start, sticky buttons, looks).
        options: The ``env`` section.
        device: Where the emulator runs and observations lie, ``"cpu"`` or ``"cuda"``.
        n_threads: Threads that play on the CPU; None for the number of cores.
    """

    action_meanings = MEANINGS

    def __init__(
        self,
        stage: str,
        reward: str,
        n_envs: int,
        *,
        seed: int = 0,
        options: MarioConfig | None = None,
        device: str = "cpu",
        n_threads: int | None = None,
    ) -> None:
        self.options = options = options or MarioConfig(id=f"mario/{stage}/{reward}")
        size = (options.frame_size, options.frame_size)
        super().__init__(
            n_envs,
            gym.spaces.Box(0, 255, (options.frame_stack, *size), np.uint8),
            gym.spaces.Discrete(len(PATHAK_14)),
            info_keys=INFO_KEYS,
            device=device,
            render_fps=FRAMES_PER_S / options.frame_skip,
            frames_per_step=options.frame_skip,
        )
        self._seed = seed
        whole_game = stage == "full"
        image = ImageSpec("gray", size, options.crop, options.brighter_of_two)
        self.console, stages = make_console(options, image, whole_game, n_envs, device)
        self.restorable = self.console.restorable
        first_stage = 0 if whole_game else stage_index(stage)
        self._table = Table(
            console=self.console,
            judge=Judge(self.console.ram, self.console.regs, stages.measures, reward, whole_game),
            chance=Chance(seed, n_envs),
            images=[torch.zeros((n_envs, options.frame_stack, *size), dtype=torch.uint8, device=device) for _ in "ab"],
            buttons=np.array(PATHAK_14, np.int32),
            frame_skip=options.frame_skip,
            noop_max=options.noop_max,
            sticky=options.sticky,
            first_stage=first_stage,
            start_x=int(stages.measures[first_stage, 0]),
            max_steps=options.max_episode_steps or int(np.iinfo(np.int64).max),
            steps=np.zeros(n_envs, np.int64),
            truncated=np.zeros(n_envs, bool),
        )
        self._n_threads = (n_threads or os.cpu_count() or 1) if self.device.type == "cpu" else 1
        self._pool = ThreadPoolExecutor(self._n_threads, "mario")
        self._regs = HostRows(self.console.regs)
        self._fault_told = False
        self.set_groups(1)

    def set_groups(self, n_groups: int) -> None:
        """Split the environments into groups, and each group over the threads."""
        if n_groups == self.n_groups and getattr(self, "_lanes", None):
            return
        held = self._current() if getattr(self, "_lanes", None) else None
        super().set_groups(n_groups)
        self._lanes = [self._make_lanes(where) for where in self._slices]
        self._now = [0] * n_groups
        self._sent: dict[int, list[Future[None]]] = {}
        if held is not None:
            self._table.images[0].copy_(held)

    def _make_lanes(self, where: slice) -> list[Lane]:
        n = where.stop - where.start
        edges = np.linspace(where.start, where.stop, min(self._n_threads, n) + 1).astype(int).tolist()
        return [Lane(self._table, a, b) for a, b in pairwise(edges)]

    def _current(self) -> torch.Tensor:
        """The observations that the next actions answer to, in the order of the environments."""
        parts = [self._table.images[now][where] for now, where in zip(self._now, self._slices, strict=True)]
        return torch.cat(parts)

    def reset_all(self, seed: int | None = None) -> torch.Tensor:
        """Begin a new episode in every environment; see `VectorEnv.reset_all`."""
        if seed is not None:
            self._table.chance = Chance(seed, self.num_envs)
        self._sent.clear()
        self._now = [0] * self.n_groups
        lanes = [lane for lanes in self._lanes for lane in lanes]
        for job in [self._pool.submit(lane.begin, lane.rows, 0) for lane in lanes]:
            job.result()
        return self._table.images[0]

    def reset_where(self, mask: np.ndarray | torch.Tensor, seed: int | None = None) -> torch.Tensor:
        """Begin a new episode where ``mask`` (n,) bool is true; the others play on untouched.

        With ``seed`` only their streams begin anew. Returns all observations, (n, ...), in this environment's buffer.

        Raises:
            ValueError: The mask is not (n,) bool.
        """
        mask = np.asarray(mask.cpu() if isinstance(mask, torch.Tensor) else mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_:
            raise ValueError(f"mask must be bool ({self.num_envs},), got {mask.dtype} {mask.shape}")
        self.set_groups(1)
        if seed is not None:
            self._table.chance.state[mask] = Chance(seed, self.num_envs).state[mask]
        for lane in self._lanes[0]:
            lane.begin(lane.rows[mask[lane.where]], self._now[0])
        return self._table.images[self._now[0]]

    def send(self, actions: torch.Tensor | np.ndarray, group: int = 0) -> None:
        """Begin a decision of one group. ``actions`` is (n,) int."""
        if group in self._sent:
            raise RuntimeError(f"group {group} was sent twice without recv")
        jobs = self._jobs(actions, group)
        self._sent[group] = [self._pool.submit(lane.step, own, now) for lane, own, now in jobs]

    def recv(self, group: int = 0) -> Step:
        """Wait for the group; the tensors are views of this environment's buffers."""
        for job in self._sent.pop(group):
            job.result()
        return self._result(group)

    def step_tensor(self, actions: torch.Tensor | np.ndarray) -> Step:
        """Step every environment; the calling thread takes a share of the work."""
        if self.n_groups != 1:
            return super().step_tensor(actions)
        (lane, own, now), *others = self._jobs(actions, 0)
        waiting = [self._pool.submit(other.step, theirs, now) for other, theirs, _ in others]
        lane.step(own, now)
        for job in waiting:
            job.result()
        return self._result(0)

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions until `step_wait` (stable-baselines3's half of a step)."""
        self._pending = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict]]:
        """Step every environment; see `VectorEnv.step_wait`."""
        assert self._pending is not None, "step_wait without step_async"
        self.set_groups(1)
        self.send(self._pending, 0)
        self._pending = None
        return super().step_wait()

    def _jobs(self, actions: torch.Tensor | np.ndarray, group: int) -> list[tuple[Lane, np.ndarray, int]]:
        where = self.group_slice(group)
        array = actions.cpu().numpy() if isinstance(actions, torch.Tensor) else np.asarray(actions)
        if array.shape != (where.stop - where.start,):
            raise ValueError(f"actions of group {group} must be ({where.stop - where.start},), got {array.shape}")
        first = where.start
        own = [array[lane.where.start - first : lane.where.stop - first] for lane in self._lanes[group]]
        return [(lane, part, self._now[group]) for lane, part in zip(self._lanes[group], own, strict=True)]

    def _result(self, group: int) -> Step:
        where, lanes, images = self.group_slice(group), self._lanes[group], self._table.images
        now = self._now[group]
        obs, next_obs = images[now][where], images[1 - now][where]
        if any(lane.finished for lane in lanes):
            for lane in lanes:
                if not lane.finished:
                    images[now][lane.where] = images[1 - now][lane.where]
        else:
            obs = next_obs
            self._now[group] = 1 - now
        self._tell_faults(where)
        reward, terminated, info = self._table.judge.results(where)
        truncated = torch.from_numpy(self._table.truncated[where].copy())
        if self.device.type != "cpu":
            truncated = truncated.to(self.device)
        return Step(obs, reward, terminated, truncated, next_obs, info)

    def _tell_faults(self, where: slice) -> None:
        if self._fault_told or self.device.type != "cpu" or not self._regs.get((where, at.FAULTS)).any():
            return
        self._fault_told = True
        env, what = next(iter(self.console.faults().items()))
        warnings.warn(
            f"the program did something that the emulator does not support (machine {env}): {what}",
            RuntimeWarning,
            stacklevel=3,
        )

    def set_tile_sets(
        self, tile_sets: np.ndarray, choices: Sequence[int] | None = None, *, seed: int | None = None
    ) -> None:
        """Let every episode choose a look at random from a bank of tile sets.

        A look changes pictures only: the program and sprite-0 hits keep reading the game's own tiles (but not with
        nes_py, whose machines are the game and the look in one). Which look is worn comes from streams of its own.

        Args:
            tile_sets: (n, 8192) uint8, as the cartridge's picture ROM; set 0 must be the game's own.
            choices: The sets that episodes wear; None for all.
            seed: Of the choice; None for this environment's own.

        Raises:
            DataError: Wrong shape or content.
        """
        self.console.set_tile_sets(tile_sets)
        self._table.choices = np.arange(len(tile_sets)) if choices is None else np.asarray(choices, np.int64)
        self._table.looks = self.console.looks
        self._table.look_chance = Chance(stream_seed(self._seed if seed is None else seed, "looks"), self.num_envs)
        self._lanes = [self._make_lanes(where) for where in self._slices]

    @property
    def own_tiles(self) -> np.ndarray:
        """The game's own look, (8192,) uint8, to make others from."""
        return load_rom(find_rom(self.options.rom)).chr

    @property
    def looks(self) -> np.ndarray:
        """Which tile set each environment shows, (n_envs,) int32; 0 is the game's own."""
        looks = self._table.looks
        return np.zeros(self.num_envs, np.int32) if looks is None else looks.cpu().numpy().copy()

    def proof_state(self) -> np.ndarray:
        """What must not depend on the look: all work memory, (n_envs, 2048) uint8."""
        return self.console.ram.cpu().numpy().copy()

    def state_dict(self) -> StateTree:
        """The machines (no ROM, no graphics), pictures, streams and counters."""
        if not self.restorable:
            return {"chance": self._table.chance.state.view(np.int64).copy()}
        judge = self._table.judge
        looks = (
            {} if self._table.look_chance is None else {"looks": self._table.look_chance.state.view(np.int64).copy()}
        )
        return looks | {
            "console": self.console.state(),
            "obs": self._current(),
            "chance": self._table.chance.state.view(np.int64).copy(),
            "steps": self._table.steps.copy(),
            "track": judge.track.clone(),
            "progress": judge.progress.clone(),
        }

    def load_state_dict(self, state: StateTree) -> torch.Tensor:
        """Bring `state_dict` back; a backend that cannot restarts its episodes."""
        self._table.chance.state[:] = np.asarray(state["chance"]).view(np.uint64)
        if not self.restorable:
            return self.reset_all()
        judge = self._table.judge
        self._sent.clear()
        self.console.load_state(state["console"])
        judge.track.copy_(torch.as_tensor(state["track"]))
        judge.progress.copy_(torch.as_tensor(state["progress"]))
        self._table.steps[:] = np.asarray(state["steps"])
        if self._table.look_chance is not None and "looks" in state:
            self._table.look_chance.state[:] = np.asarray(state["looks"]).view(np.uint64)
        self._now = [0] * self.n_groups
        self._table.images[0].copy_(torch.as_tensor(state["obs"]))
        return self._table.images[0]

    def render_frame(self, index: int = 0) -> np.ndarray:
        """The whole screen of one environment, uint8 (240, 256, 3)."""
        return self.console.screen(index)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True)


def make_console(
    options: MarioConfig, image: ImageSpec, whole_game: bool, n_envs: int, device: str
) -> tuple[Console, Stages]:
    """The machines that ``options.backend`` asks for, and the stages' measures."""
    rom, stages = load_stages(find_rom(options.rom))
    wanted = scenes(whole_game) if options.fast_forward else None
    if options.backend == "nes_py":
        from rlsuite.envs.mario.nes_py_console import NesPyConsole

        if torch.device(device).type != "cpu":
            raise UserError("env.backend nes_py runs on the CPU only; set device: cpu or env.backend: warp")
        return NesPyConsole(find_rom(options.rom), n_envs, image=image, scenes=wanted), stages
    return WarpConsole(rom, stages, n_envs, image=image, scenes=wanted, device=device), stages
