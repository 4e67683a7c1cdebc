"""Returns and lengths of finished episodes, from whole rollouts at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from rlsuite.envs.vector import StateTree


@dataclass(frozen=True, slots=True)
class Episode:
    """One finished episode: the environment's own return, length in decisions, success if the level tells."""

    reward: float
    length: int
    success: float | None


class EpisodeStatistics:
    """Cuts the reward streams of ``n_envs`` environments into episodes."""

    def __init__(self, n_envs: int) -> None:
        self._return = np.zeros(n_envs)
        self._length = np.zeros(n_envs, dtype=np.int64)

    def reset(self) -> None:
        """Forget the episodes under way."""
        self._return[:] = 0.0
        self._length[:] = 0

    def add(self, reward: torch.Tensor, ended: torch.Tensor, success: torch.Tensor | None = None) -> list[Episode]:
        """Take (n_steps, n_envs) of reward and ended (bool); return the episodes that ended, in time order.

        Args:
            reward: The environment's own reward, raw.
            ended: Whether the episode ended with that transition, terminated or truncated.
            success: Same shape, read where an episode ended; None if the level does not tell.
        """
        rewards = reward.cpu().numpy().astype(np.float64)
        steps, envs = np.nonzero(ended.cpu().numpy())
        successes = None if success is None else success.cpu().numpy()
        # One running sum per environment, entered with the return so far: an episode is a difference of two
        total = np.cumsum(rewards, axis=0)
        base = -self._return
        begin = -self._length
        episodes = []
        for t, i in zip(steps.tolist(), envs.tolist(), strict=True):
            won = None if successes is None else float(successes[t, i])
            episodes.append(Episode(float(total[t, i] - base[i]), int(t + 1 - begin[i]), won))
            base[i] = total[t, i]
            begin[i] = t + 1
        self._return = total[-1] - base
        self._length = len(rewards) - begin
        return episodes

    def state_dict(self) -> StateTree:
        """Returns and lengths so far."""
        return {"return": self._return.copy(), "length": self._length.copy()}

    def load_state_dict(self, state: StateTree) -> None:
        """Bring `state_dict` back."""
        self._return = np.array(state["return"], dtype=np.float64)
        self._length = np.array(state["length"], dtype=np.int64)
