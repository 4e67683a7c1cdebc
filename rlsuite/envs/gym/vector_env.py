"""Gymnasium's own vector environments behind rlsuite's contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray

from rlsuite.envs.gym.config import GymConfig
from rlsuite.envs.gym.making import maker
from rlsuite.envs.streams import pack_streams, spawn_streams, unpack_streams
from rlsuite.envs.vector import StateTree, Step, VectorEnv
from rlsuite.errors import RunError

PROBE_STEPS = 3
"""Random steps taken once, in an environment of its own, to see which numbers the info carries."""


def make(
    id: str, n_envs: int, *, seed: int, options: GymConfig, device: str = "cpu", n_threads: int | None = None
) -> GymVectorEnv:
    """Make ``gym/<id>`` (the level factory; see `rlsuite.envs.levels`). ``n_threads`` has no meaning here."""
    return GymVectorEnv(id.removeprefix("gym/"), n_envs, options=options, seed=seed, device=device)


class GymVectorEnv(VectorEnv):
    """n copies of a Gymnasium environment.

    The engine cannot be restored: after `load_state_dict` every environment begins a new episode, from
    the random stream as it was saved.

    Args:
        id: Gymnasium id.
        n_envs: Number of environments.
        options: The ``env`` section.
        seed: Seed of the environments.
        device: Where the tensors of a step lie.

    Raises:
        UserError: Gymnasium does not know the id, cannot make it, or its actions are not supported.
    """

    restorable = False

    def __init__(
        self, id: str, n_envs: int, *, options: GymConfig, seed: int = 0, device: str | torch.device = "cpu"
    ) -> None:
        self.id = id
        self._config = options
        self._make = maker(id, options.kwargs, options.max_episode_steps, options.dtype)
        probe = self._make()
        info_keys = probe_info(probe, seed) | dict.fromkeys(options.info_keys, np.float64)
        super().__init__(
            n_envs,
            probe.observation_space,
            probe.action_space,
            info_keys=info_keys,
            device=device,
            render_fps=float(probe.metadata.get("render_fps") or 30.0),
        )
        self._draws = probe.render_mode == "rgb_array"
        probe.close()
        self._streams = spawn_streams(seed, n_envs)
        self._vecs: list[Any] = []
        self._waiting: dict[int, NDArray[Any]] = {}  # actions of groups that are stepped serially, at recv
        self._split()

    # -- groups --------------------------------------------------------------------------------

    def set_groups(self, n_groups: int) -> None:
        """Split into groups. The workers are started anew: call `reset_all` (or `reset`) afterwards."""
        if n_groups != self.n_groups:
            super().set_groups(n_groups)
            self._split()

    def _split(self) -> None:
        """One Gymnasium vector environment per group."""
        self._close_all()
        self._vecs = [self._make_vec(where.stop - where.start) for where in self._slices]

    def _make_vec(self, n: int) -> Any:
        if self._config.backend == "serial":
            return SyncVectorEnv([self._make] * n, copy=False, autoreset_mode=AutoresetMode.SAME_STEP)
        return AsyncVectorEnv([self._make] * n, shared_memory=True, copy=False, autoreset_mode=AutoresetMode.SAME_STEP)

    # -- stepping ------------------------------------------------------------------------------

    def reset_all(self, seed: int | None = None) -> torch.Tensor:
        """Begin a new episode everywhere; see `VectorEnv.reset_all`.

        Each environment is seeded by a number drawn from its stream, so that the episodes do not
        depend on how the environments are grouped.
        """
        if seed is not None:
            self._streams = spawn_streams(seed, self.num_envs)
        seeds = [int(stream.integers(2**31)) for stream in self._streams]
        parts = [vec.reset(seed=seeds[where])[0] for vec, where in zip(self._vecs, self._slices, strict=True)]
        return self._tensor(np.concatenate(parts))

    def send(self, actions: torch.Tensor | np.ndarray, group: int = 0) -> None:
        """Begin to step one group."""
        action = actions.detach().cpu().numpy() if isinstance(actions, torch.Tensor) else np.asarray(actions)
        if isinstance(self.action_space, gym.spaces.Box):
            action = action.astype(np.float32, copy=False)
        vec = self._vecs[group]
        if isinstance(vec, SyncVectorEnv):
            self._waiting[group] = np.array(action)
        else:
            vec.step_async(action)

    def recv(self, group: int = 0) -> Step:
        """Wait for the group.

        Raises:
            RunError: An environment raised, or its process died.
        """
        vec = self._vecs[group]
        try:
            result: Any = vec.step(self._waiting.pop(group)) if isinstance(vec, SyncVectorEnv) else vec.step_wait()
        except (EOFError, BrokenPipeError, ConnectionError) as error:
            raise RunError(f"a worker process of gym/{self.id} died: {error!r}") from error
        except Exception as error:
            raise RunError(f"gym/{self.id} failed while stepping: {type(error).__name__}: {error}") from error
        return self._to_step(*result)

    def _to_step(
        self,
        obs: NDArray[Any],
        reward: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        infos: dict[str, Any],
    ) -> Step:
        obs_t = self._tensor(obs)
        next_obs = obs_t
        done = np.flatnonzero(terminated | truncated)
        if len(done):
            successor = np.array(obs)
            for i in done:
                successor[i] = infos["final_obs"][i]
            next_obs = self._tensor(successor)
        return Step(
            obs=obs_t,
            reward=self._tensor(reward.astype(np.float32)),
            terminated=self._tensor(terminated),
            truncated=self._tensor(truncated),
            next_obs=next_obs,
            info=self._info(infos, len(reward)),
        )

    def _info(self, infos: Mapping[str, Any], n: int) -> dict[str, NDArray[Any]]:
        """The declared numbers of the step, with those of ended episodes from ``final_info``."""
        out = {}
        for name, dtype in self.info_keys.items():
            values = missing(n, dtype)
            for source in (infos, infos.get("final_info", {})):
                if name in source:
                    given = np.asarray(source[f"_{name}"], dtype=bool)
                    values[given] = np.asarray(source[name])[given]
            out[name] = values
        return out

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    # -- state and pictures --------------------------------------------------------------------

    def state_dict(self) -> StateTree:
        """The random streams; the episodes cannot be saved."""
        return {"streams": pack_streams(self._streams)}

    def load_state_dict(self, state: StateTree) -> torch.Tensor:
        """Bring the random streams back and begin new episodes."""
        self._streams = unpack_streams(np.asarray(state["streams"]))
        self._returns[:] = 0.0
        self._lengths[:] = 0
        return self.reset_all()

    def render_frame(self, index: int = 0) -> np.ndarray:
        """A picture of one environment, uint8 (H, W, 3)."""
        if not self._draws:
            raise NotImplementedError(f"gym/{self.id} has no rgb_array pictures")
        for vec, where in zip(self._vecs, self._slices, strict=True):
            if where.start <= index < where.stop:
                return np.asarray(vec.call("render")[index - where.start])
        raise IndexError(f"environment {index} of {self.num_envs}")

    def close(self) -> None:
        """End the worker processes."""
        self._close_all()

    def _close_all(self) -> None:
        for vec in self._vecs:
            vec.close()
        self._vecs = []


def missing(n: int, dtype: np.dtype) -> NDArray[Any]:
    """What stands where an environment gave nothing: NaN, 0 or False."""
    return np.full(n, np.nan if dtype.kind == "f" else 0, dtype=dtype)


def probe_info(env: gym.Env, seed: int) -> dict[str, Any]:
    """Names and types of the scalar numbers in an environment's info, seen over a few random steps."""
    env.reset(seed=seed)
    env.action_space.seed(seed)
    found: dict[str, Any] = {}
    for _ in range(PROBE_STEPS):
        *_, terminated, truncated, info = env.step(env.action_space.sample())
        found |= {name: np.asarray(value).dtype for name, value in info.items() if is_number(value)}
        if terminated or truncated:
            env.reset()
    return found


def is_number(value: Any) -> bool:
    """Whether a value is a bool, an int or a float (numpy's included)."""
    return isinstance(value, bool | int | float | np.bool_ | np.number)
