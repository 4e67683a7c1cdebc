"""On-policy storage: tensors on the learner's device, written once per step, read as one `Batch`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from gymnasium import spaces

from rlsuite.agents.contracts import Batch, LearnedReward
from rlsuite.envs.vector import SUCCESS_KEYS, Step, VectorEnv

TORCH_DTYPES = {"uint8": torch.uint8, "float64": torch.float64, "int64": torch.int64}
WRITTEN = (
    ("following", "obs"),
    ("next_obs", "next_obs"),
    ("reward", "reward"),
    ("terminated", "terminated"),
    ("truncated", "truncated"),
)
"""What `Rollout.write` keeps in a `Row`, and where it finds it in a `Step`."""


def obs_dtype(space: spaces.Space) -> torch.dtype:
    """Observations are kept as they come: images uint8, numbers float32 unless the space says float64."""
    name = np.dtype(space.dtype or np.float32).name
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        return torch.int64
    return TORCH_DTYPES.get(name, torch.float32)


@dataclass(frozen=True, slots=True)
class Arrays:
    """The memory of a `Row` as numpy sees it: for a few numbers, a copy takes a fifth of torch's time."""

    obs: np.ndarray
    following: np.ndarray
    next_obs: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    params: np.ndarray
    noise: np.ndarray
    action: np.ndarray
    env_action: np.ndarray


@dataclass(frozen=True, slots=True)
class Row:
    """Views of one step of one group, made once: slicing would cost more than the copies.

    Attributes:
        obs: What the action answers to, (n, *obs_shape).
        following: Where the next observation goes.
        noise: What the action is sampled with, (n, n_params).
        arrays: The same memory; None on a GPU, and for images, whose copies are worth torch's threads.
    """

    obs: torch.Tensor
    following: torch.Tensor
    next_obs: torch.Tensor
    reward: torch.Tensor
    terminated: torch.Tensor
    truncated: torch.Tensor
    params: torch.Tensor
    value: torch.Tensor
    noise: torch.Tensor
    action: torch.Tensor
    env_action: torch.Tensor
    arrays: Arrays | None


class Rollout:
    """n_steps of n_envs environments. Attributes hold (n_steps, n_envs, ...) tensors.

    Attributes:
        obs: (n_steps + 1, n_envs, *obs_shape), raw; the last row is what the next rollout begins with.
        next_obs: True successors.
        action: As sampled, before clipping.
        env_action: As the environment got it.
        reward: The environment's own.
        params: What the action was sampled from (means or logits), (n_steps, n_envs, n_params).
        value: (n_steps, n_envs, n_heads).
        episode_start: (n_steps + 1, n_envs).
    """

    def __init__(
        self,
        n_steps: int,
        n_envs: int,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        n_params: int,
        n_heads: int,
        info_keys: Iterable[str],
        device: torch.device,
    ) -> None:
        shape, dtype = observation_space.shape or (), obs_dtype(observation_space)
        action_shape = action_space.shape or ()
        action_dtype = torch.float32 if isinstance(action_space, spaces.Box) else torch.int64
        lead = (n_steps, n_envs)
        self.n_steps, self.n_envs = n_steps, n_envs
        self.obs = torch.zeros((n_steps + 1, n_envs, *shape), dtype=dtype, device=device)
        self.next_obs = torch.zeros((*lead, *shape), dtype=dtype, device=device)
        self.action = torch.zeros((*lead, *action_shape), dtype=action_dtype, device=device)
        self.env_action = torch.zeros_like(self.action)
        self.reward = torch.zeros(lead, device=device)
        self.terminated = torch.zeros(lead, dtype=torch.bool, device=device)
        self.truncated = torch.zeros(lead, dtype=torch.bool, device=device)
        self.episode_start = torch.zeros((n_steps + 1, n_envs), dtype=torch.bool, device=device)
        self.params = torch.zeros((*lead, n_params), device=device)
        self.noise = torch.zeros((*lead, n_params), device=device)
        self.value = torch.zeros((*lead, n_heads), device=device)
        self.info: dict[str, torch.Tensor] = {}
        self._info_keys = tuple(info_keys)
        self._rows: dict[tuple[int, int], list[Row]] = {}

    def rows(self, group: slice) -> list[Row]:
        """The views of a group's steps, in order."""
        key = (group.start, group.stop)
        if key not in self._rows:
            self._rows[key] = [self._row(t, group) for t in range(self.n_steps)]
        return self._rows[key]

    def _row(self, t: int, group: slice) -> Row:
        names = ("next_obs", "reward", "terminated", "truncated", "params", "value", "noise", "action", "env_action")
        views = {name: getattr(self, name)[t, group] for name in names}
        views |= {"obs": self.obs[t, group], "following": self.obs[t + 1, group]}
        plain = self.obs.device.type == "cpu" and self.obs.dim() <= 3
        arrays = Arrays(**{f.name: views[f.name].numpy() for f in fields(Arrays)}) if plain else None
        return Row(**views, arrays=arrays)

    def write(self, t: int, group: slice, step: Step) -> None:
        """Keep what the environments of ``group`` gave for row t."""
        row = self.rows(group)[t]
        if row.arrays is not None and step.obs.is_cpu:
            for kept, given in WRITTEN:
                getattr(row.arrays, kept)[...] = getattr(step, given).numpy()
        else:
            for kept, given in WRITTEN:
                getattr(row, kept).copy_(getattr(step, given), non_blocking=True)
        for key in self._info_keys:
            self._write_info(key, t, group, step.info[key])

    def _write_info(self, key: str, t: int, group: slice, values: object) -> None:
        tensor = torch.as_tensor(values)
        if key not in self.info:
            shape = (self.n_steps, self.n_envs, *tensor.shape[1:])
            fresh = torch.zeros(shape, dtype=tensor.dtype, device=self.reward.device)
            self.info.setdefault(key, fresh)  # two threads may come here at once
        self.info[key][t, group].copy_(tensor, non_blocking=True)

    def seen(self, t: int) -> dict[str, np.ndarray]:
        """What stable-baselines3's callbacks find in their ``locals`` after row t."""
        if self.reward.is_cpu:  # indexing an array takes a tenth of indexing a tensor
            terminated, truncated, reward = (x.numpy()[t] for x in (self.terminated, self.truncated, self.reward))
        else:
            terminated, truncated, reward = (x[t].cpu().numpy() for x in (self.terminated, self.truncated, self.reward))
        return {"dones": terminated | truncated, "rewards": reward}

    def finish(self) -> None:
        """Derive what follows from the rows: where episodes began."""
        self.ended = self.terminated | self.truncated
        self.episode_start[1:].copy_(self.ended)

    def batch(self) -> Batch:
        """The rollout as learned rewards see it."""
        return Batch(
            obs=self.obs[:-1],
            action=self.env_action,
            reward=self.reward,
            terminated=self.terminated,
            truncated=self.truncated,
            next_obs=self.next_obs,
            episode_start=self.episode_start[:-1],
            info=dict(self.info),
        )


def info_read(env: VectorEnv, rewards: Sequence[LearnedReward]) -> list[str]:
    """Info arrays that the learned rewards read: all of the level's where one does not say."""
    wanted = {key for r in rewards for key in getattr(r, "info_keys", env.info_keys)}
    return [k for k in env.info_keys if k in wanted]


def info_kept(env: VectorEnv, rewards: Sequence[LearnedReward]) -> list[str]:
    """Info arrays worth keeping in a rollout: those, and success; beside images all of them cost nothing."""
    if len(env.observation_space.shape or ()) == 3:
        return list(env.info_keys)
    read = info_read(env, rewards)
    return [k for k in env.info_keys if k in read or k in SUCCESS_KEYS]
