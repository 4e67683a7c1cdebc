"""What all probe environments share: seeding, groups, auto-reset, exact restoring, a picture."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch

from rlsuite.envs.vector import Step, VectorEnv

_PANEL = 64  # pixels a side of a probe's picture: a multiple of 16, so that it films without padding


class ProbeEnv(VectorEnv):
    """A vector environment so small that the right answer is known in closed form.

    A subclass says what is seen (`_observe`), what an action does (`_advance`), and what the best
    policy does and is worth (`optimal_action`, `optimal_return`, `optimal_values`). The randomness
    of episode e of environment i comes from ``SeedSequence(seed, spawn_key=(i, e))``, so the state
    is a handful of integers and restores bit for bit.

    Args:
        n_envs: Number of environments.
        seed: Seed of their random streams.
        device: Where observations lie.
    """

    restorable = True
    horizon: ClassVar[int] = 1
    """Decisions an episode."""

    def __init__(
        self,
        n_envs: int = 8,
        *,
        seed: int = 0,
        device: str | torch.device = "cpu",
        observation_space: gym.Space | None = None,
        action_space: gym.Space | None = None,
    ) -> None:
        self._seed = seed
        self._time = np.zeros(n_envs, dtype=np.int64)
        self._cue = np.ones(n_envs, dtype=np.float32)
        self._episode = np.full(n_envs, -1, dtype=np.int64)
        self._sent: dict[int, np.ndarray] = {}
        super().__init__(
            n_envs,
            observation_space or gym.spaces.Box(-1.0, 1.0, (1,), np.float32),
            action_space or gym.spaces.Discrete(2),
            info_keys={"time": np.int64},
            device=device,
            render_fps=10.0,
        )

    # -- what a probe is -----------------------------------------------------------------------

    @abstractmethod
    def _observe(self, index: np.ndarray) -> np.ndarray:
        """Observations (n, *obs_shape) of the environments at ``index``."""

    @abstractmethod
    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        """Act in the environments at ``index``, before the clock ticks; rewards (n,)."""

    def _ends(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Terminated and truncated (n,), after the clock ticked."""
        over = self._time[index] >= self.horizon
        return over, np.zeros_like(over)

    @abstractmethod
    def optimal_action(self, obs: np.ndarray) -> np.ndarray:
        """What the best policy does at raw observations (n, *obs_shape); actions (n, *action_shape)."""

    @property
    @abstractmethod
    def optimal_return(self) -> float:
        """Mean undiscounted return of an episode under the best policy."""

    @abstractmethod
    def optimal_values(self, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """Every observation (n, *obs_shape) the best policy meets and its discounted value (n,)."""

    # -- the contract of a vector environment --------------------------------------------------

    def reset_all(self, seed: int | None = None) -> torch.Tensor:
        """Begin a new episode everywhere, with new random streams if a seed is given."""
        if seed is not None:
            self._seed = seed
            self._episode[:] = -1
        self._sent.clear()
        index = np.arange(self.num_envs)
        self._begin(index)
        return self._tensor(self._observe(index))

    def send(self, actions: torch.Tensor | np.ndarray, group: int = 0) -> None:
        """Keep the group's actions until `recv`."""
        if group in self._sent:
            raise RuntimeError(f"group {group} was sent twice without recv")
        array = actions.cpu().numpy() if isinstance(actions, torch.Tensor) else np.asarray(actions)
        part = self._slices[group]
        shape = (part.stop - part.start, *(self.action_space.shape or ()))
        if array.shape != shape:
            raise ValueError(f"actions of group {group} must have shape {shape}, got {array.shape}")
        self._sent[group] = array.copy()

    def recv(self, group: int = 0) -> Step:
        """Step the group and begin the next episode where one ended."""
        index = np.arange(self.num_envs)[self._slices[group]]
        time = self._time[index].copy()
        reward = self._advance(index, self._sent.pop(group)).astype(np.float32)
        self._time[index] += 1
        terminated, truncated = self._ends(index)
        successor = self._observe(index)
        self._begin(index[terminated | truncated])
        flags = [torch.as_tensor(x.copy(), device=self.device) for x in (reward, terminated, truncated)]
        return Step(self._tensor(self._observe(index)), *flags, next_obs=self._tensor(successor), info={"time": time})

    def state_dict(self) -> dict[str, Any]:
        """Seed, clocks and cues: all there is."""
        arrays = {k: getattr(self, f"_{k}").copy() for k in ("time", "cue", "episode")}
        return {"seed": self._seed, **arrays}

    def load_state_dict(self, state: Mapping[str, Any]) -> torch.Tensor:
        """Bring `state_dict` back."""
        self._seed = int(state["seed"])
        for name in ("time", "cue", "episode"):
            getattr(self, f"_{name}")[:] = np.asarray(state[name])
        self._sent.clear()
        return self._tensor(self._observe(np.arange(self.num_envs)))

    def render_frame(self, index: int = 0) -> np.ndarray:
        """A bar that grows with the clock, above it the cue: green for +1, orange for -1."""
        frame = np.full((_PANEL, _PANEL, 3), 24, dtype=np.uint8)
        frame[8:40, 8:-8] = (0, 158, 115) if self._cue[index] > 0 else (230, 159, 0)
        width = round((_PANEL - 16) * min(int(self._time[index]) / self.horizon, 1.0))
        frame[48:56, 8 : 8 + width] = 230
        return frame

    def _begin(self, index: np.ndarray) -> None:
        self._episode[index] += 1
        self._time[index] = 0
        for i in index:
            stream = np.random.SeedSequence(self._seed, spawn_key=(int(i), int(self._episode[i])))
            self._cue[i] = 1.0 if stream.generate_state(1)[0] & 1 else -1.0

    def _tensor(self, obs: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(obs.copy(), device=self.device)
