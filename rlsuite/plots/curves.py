"""Many runs' points on one grid, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlsuite.bench.statistics import bootstrap_curve

N_POINTS = 200


@dataclass(frozen=True)
class Aggregate:
    """IQM of several runs along x, with a 95 % stratified-bootstrap interval.

    Attributes:
        x: (n,).
        value: (n,) IQM over the runs that reach that far.
        low: (n,) lower end of the interval.
        high: (n,) upper end.
        n_runs: (n,) how many runs reach that far.
    """

    x: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n_runs: np.ndarray


def resample(x: np.ndarray, y: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The curve on a grid, linear between its points, NaN outside of them: nothing is made up."""
    return np.interp(grid, x, y, left=np.nan, right=np.nan)


def aggregate(curves: Sequence[tuple[np.ndarray, np.ndarray]], n_points: int = N_POINTS) -> Aggregate:
    """Aggregate curves of runs of one experiment.

    The grid begins where the last of them begins and ends where the longest ends; each stretch takes
    the runs that reach it, and says how many they are.

    Args:
        curves: (x, y) of each run, x rising, not empty.
        n_points: Points of the grid.
    """
    first = max(x[0] for x, _ in curves)
    ends = sorted(x[-1] for x, _ in curves)
    grid = np.unique(np.concatenate([np.linspace(min(first, ends[-1]), ends[-1], n_points), ends]))
    values = np.stack([resample(x, y, grid) for x, y in curves])
    alive = np.isfinite(values)
    grid, values, alive = (a[..., alive.any(axis=0)] for a in (grid, values, alive))
    out = np.empty((3, len(grid)))
    for pattern in np.unique(alive, axis=1).T:
        columns = (alive == pattern[:, None]).all(axis=0)
        out[:, columns] = bootstrap_curve(values[np.ix_(pattern, columns)])
    return Aggregate(grid, *out, n_runs=alive.sum(axis=0))


@dataclass(frozen=True)
class FirstPassage:
    """When a run first did well enough.

    Attributes:
        x: Where the metric first reached the threshold, or where the run ended without.
        solved: Whether it did; if not, ``x`` is censored: it may or may not have, later.
    """

    x: float
    solved: bool


def first_passage(x: np.ndarray, y: np.ndarray, threshold: float) -> FirstPassage:
    """The first point at or above ``threshold``."""
    reached = np.flatnonzero(y >= threshold)
    return FirstPassage(float(x[reached[0]]), True) if len(reached) else FirstPassage(float(x[-1]), False)


def share_solved(passages: Sequence[FirstPassage]) -> tuple[np.ndarray, np.ndarray]:
    """Kaplan and Meier's estimate of the share of runs solved by x, a step function.

    A run that ended unsolved counts among those that may still solve it up to its end, and not after.

    Returns:
        x and share after each solving, both beginning with 0.

    Reference:
        E. L. Kaplan, P. Meier: Nonparametric Estimation from Incomplete Observations, 1958.
    """
    xs, shares, unsolved = [0.0], [0.0], 1.0
    for x in sorted({p.x for p in passages if p.solved}):
        at_risk = sum(p.x >= x for p in passages)
        unsolved *= 1.0 - sum(p.solved and p.x == x for p in passages) / at_risk
        xs.append(x)
        shares.append(1.0 - unsolved)
    return np.array(xs), np.array(shares)
