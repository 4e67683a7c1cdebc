"""On-policy storage: tensors on the learner's device, written once per step, read as one `Batch`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from gymnasium import spaces

from rlsuite.agents.contracts import Batch
from rlsuite.envs.vector import Step

TORCH_DTYPES = {"uint8": torch.uint8, "float64": torch.float64, "int64": torch.int64}


def obs_dtype(space: spaces.Space) -> torch.dtype:
    """Observations are kept as they come: images uint8, numbers float32 unless the space says float64."""
    name = np.dtype(space.dtype or np.float32).name
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        return torch.int64
    return TORCH_DTYPES.get(name, torch.float32)


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
        info_keys: Mapping[str, np.dtype],
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
        self.value = torch.zeros((*lead, n_heads), device=device)
        self.info: dict[str, torch.Tensor] = {}
        self._info_keys = tuple(info_keys)

    def write(self, t: int, group: slice, step: Step) -> None:
        """Keep what the environments of ``group`` gave for row t."""
        self.obs[t + 1, group].copy_(step.obs, non_blocking=True)
        self.next_obs[t, group].copy_(step.next_obs, non_blocking=True)
        self.reward[t, group].copy_(step.reward, non_blocking=True)
        self.terminated[t, group].copy_(step.terminated, non_blocking=True)
        self.truncated[t, group].copy_(step.truncated, non_blocking=True)
        for key in self._info_keys:
            self._write_info(key, t, group, step.info[key])

    def _write_info(self, key: str, t: int, group: slice, values: object) -> None:
        tensor = torch.as_tensor(values)
        if key not in self.info:
            shape = (self.n_steps, self.n_envs, *tensor.shape[1:])
            self.info[key] = torch.zeros(shape, dtype=tensor.dtype, device=self.reward.device)
        self.info[key][t, group].copy_(tensor, non_blocking=True)

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
