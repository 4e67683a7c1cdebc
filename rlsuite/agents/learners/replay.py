"""Off-policy storage: raw transitions in a ring of tensors on the learner's device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from gymnasium import spaces

from rlsuite.agents.contracts import BATCH_TENSORS, Batch
from rlsuite.agents.learners.rollout import obs_dtype
from rlsuite.envs.vector import StateTree, Step


class Replay:
    """The newest ``capacity`` transitions. Rewards are the environment's own; learned ones are never stored.

    Memory is taken from the system only as rows are written.

    Args:
        capacity: Transitions kept, at least ``n_envs``.
        n_envs: Transitions written at a time.
        observation_space: Of one environment.
        action_space: Of one environment.
        device: Where the tensors lie.
        info_keys: Info arrays that are kept.
    """

    def __init__(
        self,
        capacity: int,
        n_envs: int,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        device: torch.device,
        info_keys: Iterable[str] = (),
    ) -> None:
        self.n_envs = n_envs
        self._info_keys = tuple(info_keys)
        self.capacity = max(capacity // n_envs, 1) * n_envs
        shape, dtype = observation_space.shape or (), obs_dtype(observation_space)
        n = self.capacity
        self.tensors = {
            "obs": torch.zeros((n, *shape), dtype=dtype, device=device),
            "action": torch.zeros((n, *(action_space.shape or ())), device=device),
            "reward": torch.zeros(n, device=device),
            "terminated": torch.zeros(n, dtype=torch.bool, device=device),
            "truncated": torch.zeros(n, dtype=torch.bool, device=device),
            "next_obs": torch.zeros((n, *shape), dtype=dtype, device=device),
            "episode_start": torch.zeros(n, dtype=torch.bool, device=device),
        }
        self.info: dict[str, torch.Tensor] = {}
        self.position = 0
        self.size = 0

    def add(self, obs: torch.Tensor, action: torch.Tensor, episode_start: torch.Tensor, step: Step) -> None:
        """Write one transition of every environment over the oldest ones."""
        rows = slice(self.position, self.position + self.n_envs)
        values = (obs, action, step.reward, step.terminated, step.truncated, step.next_obs, episode_start)
        for key, value in zip(BATCH_TENSORS, values, strict=True):
            self.tensors[key][rows].copy_(value, non_blocking=True)
        for key in self._info_keys:
            self._write_info(key, rows, step.info[key])
        self.position = (self.position + self.n_envs) % self.capacity
        self.size = min(self.size + self.n_envs, self.capacity)

    def _write_info(self, key: str, rows: slice, value: object) -> None:
        tensor = torch.as_tensor(value)
        if key not in self.info:
            self.info[key] = torch.zeros(
                (self.capacity, *tensor.shape[1:]), dtype=tensor.dtype, device=self.tensors["obs"].device
            )
        self.info[key][rows].copy_(tensor)

    def sample(self, n: int, generator: torch.Generator, window: int | None = None) -> Batch:
        """``n`` transitions drawn evenly, with replacement.

        Args:
            n: How many.
            generator: Source of randomness.
            window: Draw from the newest ``window`` transitions only; None for all.
        """
        held = self.size if window is None else min(max(window, self.n_envs), self.size)
        index = torch.randint(held, (n,), generator=generator, device=generator.device)
        index = (index + (self.position - held)) % self.capacity if held else index
        return self.rows(index)

    def rows(self, index: torch.Tensor) -> Batch:
        """The transitions at those places of the ring."""
        return Batch(
            **{k: v.index_select(0, index) for k, v in self.tensors.items()},
            info={k: v.index_select(0, index) for k, v in self.info.items()},
        )

    def state_dict(self) -> StateTree:
        """The rows in use and where the next one goes."""
        return {
            "tensors": {k: v[: self.size].clone() for k, v in self.tensors.items()},
            "info": {k: v[: self.size].clone() for k, v in self.info.items()},
            "position": self.position,
            "size": self.size,
        }

    def load_state_dict(self, state: Mapping) -> None:
        """Bring `state_dict` back."""
        self.position, self.size = int(state["position"]), int(state["size"])
        for key, value in state["tensors"].items():
            self.tensors[key][: self.size].copy_(value)
        for key, value in state["info"].items():
            self._write_info(key, slice(0, self.size), value)


def bytes_per_transition(observation_space: spaces.Space, action_space: spaces.Space) -> int:
    """Memory of one row, for plans."""
    item = torch.empty((), dtype=obs_dtype(observation_space)).element_size()
    obs = int(np.prod(observation_space.shape or (1,))) * item
    return 2 * obs + 4 * int(np.prod(action_space.shape or (1,))) + 7
