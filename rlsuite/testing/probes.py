"""Probe environments: each can be solved in seconds, and each fails for one reason only.

Work down the list; the first probe a learner fails names the broken part.

====================  ==========================================================================
``value-only``        the value head and its optimiser
``obs-dependent``     observations reach the value head
``delayed``           discounting and bootstrapping inside an episode
``truncation``        a clock that cuts an episode is bootstrapped, from the true successor
``termination``       a terminal state is not
``action``            the policy gradient
``obs-action``        policy and observation together (discrete)
``obs-action-box``    the same with continuous actions
``image``             the same through pixels (uint8, channels first)
``memory``            recurrent state: the cue is gone when the answer is due
``corridor``          exploration: the only reward stands at the far end
====================  ==========================================================================
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from rlsuite.errors import UserError
from rlsuite.testing.probe_base import ProbeEnv

_BOTH_CUES = np.array([[-1.0], [1.0]], dtype=np.float32)


class ValueOnlyProbe(ProbeEnv):
    """One step, nothing to see, reward 1: every value is 1."""

    def _observe(self, index: np.ndarray) -> np.ndarray:
        return np.zeros((len(index), 1), dtype=np.float32)

    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        return np.ones(len(index))

    def optimal_action(self, obs: np.ndarray) -> np.ndarray:
        """Any action will do."""
        return np.zeros(len(obs), dtype=np.int64)

    @property
    def optimal_return(self) -> float:
        """One."""
        return 1.0

    def optimal_values(self, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """One observation, worth one."""
        return np.zeros((1, 1), dtype=np.float32), np.ones(1)


class ObsDependentProbe(ValueOnlyProbe):
    """One step, the reward is what is seen: the value of +1 is 1, of -1 is -1."""

    def _observe(self, index: np.ndarray) -> np.ndarray:
        return self._cue[index, None]

    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        return self._cue[index]

    @property
    def optimal_return(self) -> float:
        """Both cues are equally likely."""
        return 0.0

    def optimal_values(self, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """What is seen."""
        return _BOTH_CUES, _BOTH_CUES[:, 0]


class DelayedProbe(ValueOnlyProbe):
    """Two steps, reward 1 at the second: the first is worth gamma."""

    horizon: ClassVar[int] = 2

    def _observe(self, index: np.ndarray) -> np.ndarray:
        return np.minimum(self._time[index, None], 1).astype(np.float32)

    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        return (self._time[index] == 1).astype(np.float32)

    def optimal_values(self, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """Gamma, then one."""
        return np.array([[0.0], [1.0]], dtype=np.float32), np.array([gamma, 1.0])


class TruncationProbe(DelayedProbe):
    """Nothing in the first step, 1 in every later one, cut by the clock after four.

    The state of the later steps goes on for ever, so it is worth 1 / (1 - gamma). A learner that takes
    the cut for an end, or that bootstraps from the first observation of the next episode, gets less.
    """

    horizon: ClassVar[int] = 4

    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        return (self._time[index] >= 1).astype(np.float32)

    def _ends(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        terminated, truncated = super()._ends(index)
        return truncated, terminated

    @property
    def optimal_return(self) -> float:
        """Three of four steps pay."""
        return float(self.horizon - 1)

    def optimal_values(self, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """Of a stream without end, from its second step and from its first."""
        forever = 1.0 / (1.0 - gamma)
        return np.array([[0.0], [1.0]], dtype=np.float32), np.array([gamma * forever, forever])


class TerminationProbe(ProbeEnv):
    """Reward 1 a step and a true end after four; the clock is seen, so every value is exact."""

    horizon: ClassVar[int] = 4

    def _observe(self, index: np.ndarray) -> np.ndarray:
        return (self._time[index, None] / self.horizon).astype(np.float32)

    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        return np.ones(len(index))

    def optimal_action(self, obs: np.ndarray) -> np.ndarray:
        """Any action will do."""
        return np.zeros(len(obs), dtype=np.int64)

    @property
    def optimal_return(self) -> float:
        """One a step."""
        return float(self.horizon)

    def optimal_values(self, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """Finite geometric sums."""
        time = np.arange(self.horizon)
        values = np.array([sum(gamma**k for k in range(self.horizon - t)) for t in time])
        return (time[:, None] / self.horizon).astype(np.float32), values


class ActionProbe(ValueOnlyProbe):
    """One step, nothing to see: action 1 pays 1, action 0 costs 1."""

    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        return np.where(action == 1, 1.0, -1.0)

    def optimal_action(self, obs: np.ndarray) -> np.ndarray:
        """Always one."""
        return np.ones(len(obs), dtype=np.int64)


class ObsActionProbe(ObsDependentProbe):
    """One step: answer the cue, action 1 to +1 and action 0 to -1; right pays 1, wrong costs 1."""

    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        return np.where((action == 1) == (self._cue[index] > 0), 1.0, -1.0)

    def optimal_action(self, obs: np.ndarray) -> np.ndarray:
        """The cue's sign."""
        return (obs[:, 0] > 0).astype(np.int64)

    @property
    def optimal_return(self) -> float:
        """Every answer is right."""
        return 1.0

    def optimal_values(self, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """Every answer is right."""
        return _BOTH_CUES, np.ones(2)


class ObsActionBoxProbe(ObsActionProbe):
    """One step, action in [-1, 1]: the best answer to cue c is c / 2, reward 1 - (a - c / 2)^2.

    The optimum lies inside the box, so a policy that only learns the sign is found out.
    """

    def __init__(self, n_envs: int = 8, **kwargs: Any) -> None:
        super().__init__(n_envs, action_space=gym.spaces.Box(-1.0, 1.0, (1,), np.float32), **kwargs)

    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        return 1.0 - (np.clip(action[:, 0], -1.0, 1.0) - self._cue[index] / 2.0) ** 2

    def optimal_action(self, obs: np.ndarray) -> np.ndarray:
        """Half the cue."""
        return (obs / 2.0).astype(np.float32)


class ImageProbe(ObsActionProbe):
    """The cue as a picture, uint8 (1, 36, 36): the bright half says which action pays."""

    shape: ClassVar[tuple[int, int, int]] = (1, 36, 36)

    def __init__(self, n_envs: int = 8, **kwargs: Any) -> None:
        super().__init__(n_envs, observation_space=gym.spaces.Box(0, 255, self.shape, np.uint8), **kwargs)

    def _observe(self, index: np.ndarray) -> np.ndarray:
        obs = np.zeros((len(index), *self.shape), dtype=np.uint8)
        right = self._cue[index] > 0
        half = self.shape[-1] // 2
        obs[right, ..., half:] = 255
        obs[~right, ..., :half] = 255
        return obs

    def optimal_action(self, obs: np.ndarray) -> np.ndarray:
        """Which half is bright."""
        return (obs[:, 0, 0, -1] > 0).astype(np.int64)

    def optimal_values(self, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """Every answer is right."""
        left, right = np.zeros((2, *self.shape), dtype=np.uint8)
        left[..., : self.shape[-1] // 2] = 255
        right[..., self.shape[-1] // 2 :] = 255
        return np.stack([left, right]), np.ones(2)


class MemoryProbe(ProbeEnv):
    """The cue is shown in the first step only and must be answered in the third (obs: cue, clock).

    Without memory the best that can be had is 0 on average.
    """

    horizon: ClassVar[int] = 3

    def __init__(self, n_envs: int = 8, **kwargs: Any) -> None:
        super().__init__(n_envs, observation_space=gym.spaces.Box(-1.0, 1.0, (2,), np.float32), **kwargs)

    def _observe(self, index: np.ndarray) -> np.ndarray:
        time = self._time[index]
        cue = np.where(time == 0, self._cue[index], 0.0)
        return np.stack([cue, time / self.horizon], axis=1).astype(np.float32)

    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        paid = np.where((action == 1) == (self._cue[index] > 0), 1.0, -1.0)
        return np.where(self._time[index] == self.horizon - 1, paid, 0.0)

    def optimal_action(self, obs: np.ndarray) -> np.ndarray:
        """Needs the episode's first observation, so it is not a function of ``obs`` alone.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the memory probe's best action depends on what was seen before")

    @property
    def optimal_return(self) -> float:
        """The last answer is right."""
        return 1.0

    def optimal_values(self, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """Of the first step, for both cues (later ones depend on memory)."""
        return np.array([[-1.0, 0.0], [1.0, 0.0]], dtype=np.float32), np.full(2, gamma ** (self.horizon - 1))


class CorridorProbe(ProbeEnv):
    """Thirteen cells in a row, start at the left, reward 1 at the right end only, 48 steps at most.

    Action 1 goes right and action 0 back to the start, so a uniform policy gets there in about one
    of 216 episodes; curiosity gets there at once. The observation is the cell, one-hot.
    """

    horizon: ClassVar[int] = 48
    n_cells: ClassVar[int] = 13

    def __init__(self, n_envs: int = 8, **kwargs: Any) -> None:
        super().__init__(n_envs, observation_space=gym.spaces.Box(0.0, 1.0, (self.n_cells,), np.float32), **kwargs)

    def _begin(self, index: np.ndarray) -> None:
        super()._begin(index)
        self._cue[index] = 0.0  # here the cue is the cell

    def _observe(self, index: np.ndarray) -> np.ndarray:
        return np.eye(self.n_cells, dtype=np.float32)[self._cue[index].astype(int)]

    def _advance(self, index: np.ndarray, action: np.ndarray) -> np.ndarray:
        self._cue[index] = np.where(action == 1, self._cue[index] + 1, 0.0)
        return (self._cue[index] == self.n_cells - 1).astype(np.float32)

    def render_frame(self, index: int = 0) -> np.ndarray:
        """The row of cells from above, the present one bright, the goal green."""
        cells = np.full((self.n_cells, 3), 60, dtype=np.uint8)
        cells[-1] = (0, 158, 115)
        cells[int(self._cue[index])] = 255
        row = np.repeat(cells, 10, axis=0)
        frame = np.full((48, len(row) + 6, 3), 24, dtype=np.uint8)
        frame[16:32, 3:-3] = row
        return frame

    def _ends(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        reached = self._cue[index] == self.n_cells - 1
        return reached, (self._time[index] >= self.horizon) & ~reached

    def optimal_action(self, obs: np.ndarray) -> np.ndarray:
        """Always right."""
        return np.ones(len(obs), dtype=np.int64)

    @property
    def optimal_return(self) -> float:
        """The far end is reached."""
        return 1.0

    def optimal_values(self, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """Gamma to the number of steps that are left before the paying one."""
        cells = np.arange(self.n_cells - 1)
        return np.eye(self.n_cells, dtype=np.float32)[cells], gamma ** (self.n_cells - 2 - cells).astype(float)


PROBES: dict[str, type[ProbeEnv]] = {
    "value-only": ValueOnlyProbe,
    "obs-dependent": ObsDependentProbe,
    "delayed": DelayedProbe,
    "truncation": TruncationProbe,
    "termination": TerminationProbe,
    "action": ActionProbe,
    "obs-action": ObsActionProbe,
    "obs-action-box": ObsActionBoxProbe,
    "image": ImageProbe,
    "memory": MemoryProbe,
    "corridor": CorridorProbe,
}


def make_probe(name: str, n_envs: int = 8, *, seed: int = 0, device: str = "cpu") -> ProbeEnv:
    """Make a probe by its name.

    Raises:
        UserError: There is no probe of that name.
    """
    if name not in PROBES:
        raise UserError(f"unknown probe '{name}'; there are {', '.join(PROBES)}")
    return PROBES[name](n_envs, seed=seed, device=device)
