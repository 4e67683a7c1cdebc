"""Records a policy: whole episodes in a vector environment, without a bias to short ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rlsuite.demos.data import DemoSet, Episode
from rlsuite.errors import UserError

Policy = Callable[[torch.Tensor], Any]
"""Maps obs (n_envs, *obs_shape) to actions (n_envs, *action_shape), tensor or array."""


@dataclass
class Predicting:
    """A stable-baselines3 model or policy as a `Policy`; what it remembers ends with each episode.

    Attributes:
        model: Anything with ``predict``.
        deterministic: Whether it acts by its mode.
        episode_start: (n_envs,) bool, whether these observations begin an episode; `record_episodes` keeps it.
    """

    model: Any
    deterministic: bool
    episode_start: np.ndarray | None = None
    _state: Any = None

    def __call__(self, obs: torch.Tensor) -> np.ndarray:
        """Actions for observations (n_envs, *obs_shape)."""
        action, self._state = self.model.predict(
            obs.cpu().numpy(), state=self._state, episode_start=self.episode_start, deterministic=self.deterministic
        )
        return action


def collect(
    policy: Policy,
    env: Any,
    n_episodes: int,
    id: str,
    *,
    seed: int = 0,
    env_id: str | None = None,
    algorithm: str = "",
    description: str = "",
    ref_min_score: float | None = None,
    ref_max_score: float | None = None,
) -> DemoSet:
    """Record ``n_episodes`` episodes; `write_set` stores them.

    Environment i contributes its first episodes, the same number as every other one (give or take
    one), so that short episodes are not recorded more often than long ones.

    Args:
        policy: Called with raw observations; a model that remembers comes as `Predicting`.
        env: A `VectorEnv`; its own reward is recorded.
        n_episodes: How many, in all.
        id: Of the set.
        seed: Of the environments.
        env_id: Level or Gymnasium id, stored as spec.
        algorithm: What the policy is.
        description: In words.
        ref_min_score: Mean return of a random policy, if known.
        ref_max_score: Mean return of the expert's mean action, if known.

    Raises:
        UserError: ``n_episodes`` is below 1.
    """
    if n_episodes < 1:
        raise UserError(f"n_episodes must be at least 1, found {n_episodes}")
    return DemoSet(
        id=id,
        episodes=tuple(record_episodes(policy, env, n_episodes, seed)),
        env_spec=None if env_id is None else _spec_or_none(env_id),
        ref_min_score=ref_min_score,
        ref_max_score=ref_max_score,
        algorithm=algorithm,
        description=description,
    )


def record_episodes(policy: Policy, env: Any, n_episodes: int, seed: int) -> list[Episode]:
    """The episodes themselves, ordered by environment and then by time."""
    env.set_groups(1)
    recorders = [_Recorder(n) for n in _shares(n_episodes, env.num_envs)]
    obs, start = env.reset_all(seed).clone(), np.ones(env.num_envs, dtype=bool)
    while not all(r.full for r in recorders):
        if isinstance(policy, Predicting):
            policy.episode_start = start
        action = torch.as_tensor(policy(obs))
        action = _inside(action, env.action_space)
        step = env.step_tensor(action)
        arrays = [x.cpu().numpy() for x in (obs, action, step.reward, step.next_obs, step.terminated, step.truncated)]
        for i, recorder in enumerate(recorders):
            recorder.add(*(a[i].copy() for a in arrays))
        obs, start = step.obs.clone(), arrays[4] | arrays[5]
    return [episode for r in recorders for episode in r.episodes]


class _Recorder:
    """Collects the first ``n_wanted`` episodes of one environment."""

    def __init__(self, n_wanted: int) -> None:
        self.n_wanted = n_wanted
        self.episodes: list[Episode] = []
        self.steps: list[tuple[Any, ...]] = []

    @property
    def full(self) -> bool:
        return len(self.episodes) >= self.n_wanted

    def add(self, obs: Any, action: Any, reward: Any, next_obs: Any, terminated: Any, truncated: Any) -> None:
        if self.full:
            return
        self.steps.append((obs, action, reward, bool(terminated), bool(truncated) and not bool(terminated)))
        if terminated or truncated:
            columns = [np.array(c) for c in zip(*self.steps, strict=True)]
            self.episodes.append(Episode(np.concatenate([columns[0], next_obs[None]]), *columns[1:]))
            self.steps = []


def _shares(n_episodes: int, n_envs: int) -> list[int]:
    """How many episodes each environment contributes."""
    return [n_episodes // n_envs + (i < n_episodes % n_envs) for i in range(n_envs)]


def _inside(action: torch.Tensor, space: Any) -> torch.Tensor:
    """The action as the environment receives it: clipped to a Box."""
    if not hasattr(space, "low"):
        return action
    low, high = torch.as_tensor(space.low).to(action.device), torch.as_tensor(space.high).to(action.device)
    return torch.minimum(torch.maximum(action.float(), low), high)


def _spec_or_none(env_id: str) -> str:
    from rlsuite.demos.importers import spec_json

    return spec_json(env_id)
