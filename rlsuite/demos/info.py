"""What is in a set: sizes, returns, lengths, ranges."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rlsuite.demos.data import DemoSet
from rlsuite.demos.store import read_set


@dataclass(frozen=True)
class Spread:
    """How numbers are distributed: five figures and a histogram of ten equal bins."""

    mean: float
    std: float
    min: float
    median: float
    max: float
    histogram: tuple[int, ...]
    edges: tuple[float, ...]


@dataclass(frozen=True)
class DemoInfo:
    """Everything `rlsuite demos info` prints.

    Attributes:
        id: The set.
        source: Its file or folder.
        env_id: Gymnasium id of its environment, or None.
        algorithm: What produced it.
        description: In words.
        n_episodes: Episodes.
        n_steps: Steps in all.
        n_terminated: Episodes that ended in a terminal state.
        obs_shape: Of one observation.
        action_shape: Of one action.
        returns: Spread of the episodes' returns.
        lengths: Spread of the episodes' lengths.
        obs: Spread of each observation entry.
        action: Spread of each action entry.
        ref_min_score: 0 of the normalised score, or None.
        ref_max_score: 1 of the normalised score, or None.
        data_hash: Of the arrays.
    """

    id: str
    source: str
    env_id: str | None
    algorithm: str
    description: str
    n_episodes: int
    n_steps: int
    n_terminated: int
    obs_shape: tuple[int, ...]
    action_shape: tuple[int, ...]
    returns: Spread
    lengths: Spread
    obs: tuple[Spread, ...]
    action: tuple[Spread, ...]
    ref_min_score: float | None
    ref_max_score: float | None
    data_hash: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for ``--json``."""
        return asdict(self)


def info(id: str) -> DemoInfo:
    """Read a set (id or path) and describe it.

    Raises:
        UserError: No such set.
        DataError: It cannot be used.
    """
    return describe(read_set(id))


def describe(demos: DemoSet) -> DemoInfo:
    """Describe a set that has been read."""
    first = demos.episodes[0]
    return DemoInfo(
        id=demos.id,
        source=demos.source,
        env_id=demos.env_id,
        algorithm=demos.algorithm,
        description=demos.description,
        n_episodes=len(demos.episodes),
        n_steps=int(demos.lengths.sum()),
        n_terminated=int(sum(bool(e.terminated[-1]) for e in demos.episodes)),
        obs_shape=first.obs.shape[1:],
        action_shape=first.action.shape[1:],
        returns=spread(demos.returns),
        lengths=spread(demos.lengths),
        obs=_per_entry([e.obs[:-1] for e in demos.episodes]),
        action=_per_entry([e.action for e in demos.episodes]),
        ref_min_score=demos.ref_min_score,
        ref_max_score=demos.ref_max_score,
        data_hash=demos.data_hash(),
    )


def spread(values: np.ndarray) -> Spread:
    """Figures and histogram of a (n,) array."""
    counts, edges = np.histogram(values, bins=10)
    return Spread(
        mean=float(np.mean(values)),
        std=float(np.std(values)),
        min=float(np.min(values)),
        median=float(np.median(values)),
        max=float(np.max(values)),
        histogram=tuple(int(c) for c in counts),
        edges=tuple(float(e) for e in edges),
    )


def _per_entry(arrays: list[np.ndarray]) -> tuple[Spread, ...]:
    """One spread an entry of vectors; one for all entries of anything larger (images)."""
    flat = np.concatenate(arrays)
    if flat.ndim > 2:
        return (spread(flat.reshape(-1)),)
    return tuple(spread(column) for column in flat.reshape(len(flat), -1).T)
