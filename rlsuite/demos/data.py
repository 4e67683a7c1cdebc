"""What a set of demonstrations is, on the disk's side (`DemoSet`) and on the agents' (`Demonstrations`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Episode:
    """One recorded episode of T steps, as numpy arrays.

    Attributes:
        obs: (T + 1, *obs_shape), the observation after the last step included.
        action: (T, *action_shape), as the environment received it.
        reward: (T,) the environment's own reward.
        terminated: (T,) bool, true at most at the last step.
        truncated: (T,) bool, true at most at the last step.
    """

    obs: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray

    def __len__(self) -> int:
        return len(self.action)

    @property
    def undiscounted_return(self) -> float:
        """Sum of the environment's rewards."""
        return float(np.sum(self.reward, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class DemoSet:
    """A set of episodes and where it came from.

    Attributes:
        id: The name it was asked for with.
        episodes: All its episodes, in the order of the file.
        env_spec: Gymnasium's environment spec as JSON, or None if the source does not say.
        ref_min_score: Mean return of a random policy, the 0 of the normalised score.
        ref_max_score: Mean return of the expert's mean action, the 1 of the normalised score.
        algorithm: What produced it, in words.
        description: One or more sentences.
        source: The file or folder it was read from, for messages.
    """

    id: str
    episodes: tuple[Episode, ...]
    env_spec: str | None = None
    ref_min_score: float | None = None
    ref_max_score: float | None = None
    algorithm: str = ""
    description: str = ""
    source: str = ""

    @property
    def env_id(self) -> str | None:
        """The Gymnasium id in the spec, e.g. ``"Hopper-v5"``."""
        import json

        return None if self.env_spec is None else json.loads(self.env_spec).get("id")

    @property
    def returns(self) -> np.ndarray:
        """(n_episodes,) undiscounted returns."""
        return np.array([e.undiscounted_return for e in self.episodes])

    @property
    def lengths(self) -> np.ndarray:
        """(n_episodes,) steps."""
        return np.array([len(e) for e in self.episodes])

    def data_hash(self) -> str:
        """SHA-256 over every array, 16 hex digits: the same for the same data in any format."""
        digest = hashlib.sha256()
        for episode in self.episodes:
            for array in (episode.obs, episode.action, episode.terminated, episode.truncated):
                digest.update(str((array.dtype.str, array.shape)).encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """Transitions an agent learns from: n of them, after selection and subsampling, as tensors.

    Attributes:
        id: The set's id.
        obs: (n, *obs_shape), float32 (uint8 for images), raw.
        action: (n, *action_shape), float32 or int64, inside the action space.
        next_obs: (n, *obs_shape), the true successor of each kept step, whatever the subsampling.
        terminated: (n,) bool.
        truncated: (n,) bool.
        episode: (n,) int64, which of the selected trajectories the step is from.
        n_trajectories: How many trajectories were selected.
        subsample: Every so many-th step was kept.
        n_terminated: How many of the trajectories end in a terminal state, kept step or not.
        returns: Return of each selected trajectory in the environment's own reward.
        env_id: Gymnasium id of the environment, or None if unknown.
        env_spec: Its spec as JSON, or None.
        ref_min_score: 0 of the normalised score, or None.
        ref_max_score: 1 of the normalised score, or None.
        data_hash: Of the whole set, for the manifest.
    """

    id: str
    obs: torch.Tensor
    action: torch.Tensor
    next_obs: torch.Tensor
    terminated: torch.Tensor
    truncated: torch.Tensor
    episode: torch.Tensor
    n_trajectories: int
    subsample: int
    n_terminated: int
    returns: tuple[float, ...]
    env_id: str | None = None
    env_spec: str | None = None
    ref_min_score: float | None = None
    ref_max_score: float | None = None
    data_hash: str = ""

    def __len__(self) -> int:
        return int(self.obs.shape[0])

    def to(self, device: torch.device | str) -> Demonstrations:
        """The same on another device."""
        names = ("obs", "action", "next_obs", "terminated", "truncated", "episode")
        return replace(self, **{k: getattr(self, k).to(device) for k in names})

    def normalized_score(self, episode_return: float) -> float | None:
        """(return - random) / (expert - random), or None if the set has no reference scores."""
        if self.ref_min_score is None or self.ref_max_score is None:
            return None
        return (episode_return - self.ref_min_score) / (self.ref_max_score - self.ref_min_score)
