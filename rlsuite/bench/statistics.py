"""Statistics over seeds and tasks: interquartile means with intervals, profiles, comparisons.

With the handful of seeds that reinforcement learning can afford, a mean or a median says little;
these are the aggregates that hold up, each with an interval from the stratified bootstrap.

Scores are arrays (n_runs, n_tasks), normalised so that 1 is the reference; a single task may be
given as (n_runs,).

Reference:
    R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare: Deep Reinforcement
    Learning at the Edge of the Statistical Precipice, 2021, arXiv:2108.13264.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

N_RESAMPLES = 2000
CONFIDENCE = 0.95
_CHUNK = 4_000_000  # resampled numbers held at once


@dataclass(frozen=True, slots=True)
class Estimate:
    """A point estimate with its interval.

    Attributes:
        value: Of the scores as they are.
        low: Lower end of the interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """``0.97 [0.94, 0.99]``."""
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def iqm(scores: ArrayLike) -> float:
    """Interquartile mean: the mean of the middle half of all runs of all tasks together.

    A quarter of the values, rounded down, is left out at each end; so with three runs or fewer it
    is the mean, and with five it is the mean of the middle three.

    Args:
        scores: (n_runs,) or (n_runs, n_tasks).
    """
    return float(_trimmed_mean(np.asarray(scores, dtype=np.float64).reshape(1, -1))[0])


def optimality_gap(scores: ArrayLike, target: float = 1.0) -> float:
    """By how much the scores fall short of ``target`` on average; what lies above it does not make up for it.

    Args:
        scores: (n_runs,) or (n_runs, n_tasks).
        target: The score that is good enough.
    """
    return float(np.maximum(target - np.asarray(scores, dtype=np.float64), 0.0).mean())


def probability_of_improvement(x: ArrayLike, y: ArrayLike) -> float:
    """Probability that a random run of X beats a random run of Y on a random task; ties count half.

    Args:
        x: (n_runs_x,) or (n_runs_x, n_tasks).
        y: (n_runs_y,) or (n_runs_y, n_tasks), the same tasks.
    """
    a, b = _matrix(x), _matrix(y)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"X has {a.shape[1]} tasks, Y has {b.shape[1]}; they must be the same tasks")
    wins = (a[:, None] > b[None]) + 0.5 * (a[:, None] == b[None])
    return float(wins.mean())


def performance_profile(scores: ArrayLike, thresholds: ArrayLike) -> np.ndarray:
    """Share of runs with a score above each threshold, averaged over tasks.

    Args:
        scores: (n_runs,) or (n_runs, n_tasks).
        thresholds: (n,).

    Returns:
        (n,), falling from 1 to 0.
    """
    taus = np.asarray(thresholds, dtype=np.float64)
    return (_matrix(scores)[..., None] > taus).mean(axis=(0, 1))


def resample_indices(n_runs: int, n_tasks: int, n: int, seed: int) -> np.ndarray:
    """Which run each place of each resample takes, (n, n_runs, n_tasks): with replacement, task by task."""
    generator = np.random.Generator(np.random.PCG64(seed))
    return generator.integers(0, n_runs, size=(n, n_runs, n_tasks))


def bootstrap(
    scores: ArrayLike,
    statistic: Callable[[np.ndarray], float] = iqm,
    *,
    n_resamples: int = N_RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Estimate:
    """A statistic with its percentile interval from the stratified bootstrap.

    Runs are drawn with replacement within each task, never across tasks. One run a task gives an
    interval of no width, which says that nothing is known about the spread.

    Args:
        scores: (n_runs,) or (n_runs, n_tasks).
        statistic: Of an array (n_runs, n_tasks).
        n_resamples: More is steadier; 2,000 moves the ends by about a hundredth of the width.
        confidence: Share of resamples inside the interval.
        seed: Of the resampling.
    """
    matrix = _matrix(scores)
    index = resample_indices(matrix.shape[0], matrix.shape[1], n_resamples, seed)
    tasks = np.arange(matrix.shape[1])
    if statistic is iqm:
        drawn = _trimmed_mean(matrix[index, tasks].reshape(n_resamples, -1))
    else:
        drawn = np.array([statistic(matrix[i, tasks]) for i in index])
    return _estimate(float(statistic(matrix)), drawn, confidence)


def bootstrap_improvement(
    x: ArrayLike,
    y: ArrayLike,
    *,
    n_resamples: int = N_RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Estimate:
    """`probability_of_improvement` with its interval, both sides resampled."""
    a, b = _matrix(x), _matrix(y)
    tasks = np.arange(a.shape[1])
    index_a = resample_indices(a.shape[0], a.shape[1], n_resamples, seed)
    index_b = resample_indices(b.shape[0], b.shape[1], n_resamples, seed + 1)
    pairs = zip(index_a, index_b, strict=True)
    drawn = np.array([probability_of_improvement(a[i, tasks], b[j, tasks]) for i, j in pairs])
    return _estimate(probability_of_improvement(a, b), drawn, confidence)


def bootstrap_curve(
    curves: ArrayLike, *, n_resamples: int = N_RESAMPLES, confidence: float = CONFIDENCE, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """IQM over runs at each point of their curves, with intervals.

    A resample takes whole runs, so a point's interval is that of its column alone.

    Args:
        curves: (n_runs, n_points) of one task, or (n_runs, n_tasks, n_points).
        n_resamples: Resamples.
        confidence: Share of resamples inside the interval.
        seed: Of the resampling.

    Returns:
        The IQM and both ends of its interval, (n_points,) each.
    """
    values = np.asarray(curves, dtype=np.float64)
    if values.ndim == 2:
        values = values[:, None]
    n_runs, n_tasks, n_points = values.shape
    index = resample_indices(n_runs, n_tasks, n_resamples, seed)
    tasks = np.arange(n_tasks)
    columns = max(1, _CHUNK // (n_resamples * n_runs * n_tasks))
    low, high = np.empty(n_points), np.empty(n_points)
    for start in range(0, n_points, columns):
        part = values[..., start : start + columns]
        drawn = part[index, tasks]  # (n_resamples, n_runs, n_tasks, columns)
        flat = np.moveaxis(drawn, -1, 1).reshape(n_resamples, part.shape[-1], -1)
        low[start : start + columns], high[start : start + columns] = _ends(_trimmed_mean(flat), confidence)
    centre = _trimmed_mean(np.moveaxis(values, -1, 0).reshape(n_points, -1))
    return centre, low, high


def _matrix(scores: ArrayLike) -> np.ndarray:
    """Scores as (n_runs, n_tasks), checked."""
    array = np.asarray(scores, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"scores must be (n_runs,) or (n_runs, n_tasks) and not empty, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("scores must be finite; leave out or score the runs that failed")
    return array


def _trimmed_mean(values: np.ndarray) -> np.ndarray:
    """Mean of the middle of the last axis, a quarter rounded down left out at each end."""
    n = values.shape[-1]
    if n == 0:
        raise ValueError("scores must not be empty")
    cut = n // 4
    if cut == 0:
        return values.mean(axis=-1)
    return np.sort(values, axis=-1)[..., cut : n - cut].mean(axis=-1)


def _estimate(value: float, drawn: np.ndarray, confidence: float) -> Estimate:
    low, high = _ends(drawn, confidence)
    return Estimate(value, float(low), float(high))


def _ends(drawn: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    return low, high
