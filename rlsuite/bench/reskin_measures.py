"""What the reskin benchmark measures, as plain functions of numbers and pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

LOST = 0.9
"""Share of the score whose loss ends the robustness radius."""
LEGIBLE = 0.95
"""A look is fair if a probe reads the state from it this well, relative to the original."""
RIDGE = 10.0


def gap(original: float, skinned: float, floor: float = 0.0) -> float:
    """Share of what was learned that a skin costs; 0 where nothing was.

    Args:
        original: Score in the level's own look.
        skinned: Score in the skin.
        floor: Score of random actions: at a gap of 1 nothing is left of the policy.
    """
    return (original - skinned) / (original - floor) if original > floor else 0.0


def radius(dials: Sequence[float], scores: Sequence[float], floor: float = 0.0, lost: float = LOST) -> float | None:
    """The dial at which so much of what was learned is lost, linear between points; None if it never is.

    Args:
        dials: Rising from 0.
        scores: At each.
        floor: Score of random actions.
        lost: Share.
    """
    if scores[0] <= floor:
        return None
    end = scores[0] - lost * (scores[0] - floor)
    for (a, high), (b, low) in zip(zip(dials, scores), zip(dials[1:], scores[1:]), strict=False):
        if low <= end:
            return float(b if high == low else a + (b - a) * (high - end) / (high - low))
    return None


def cvar(scores: ArrayLike, share: float = 0.2) -> float:
    """Mean of the worst share of scores, at least one."""
    ordered = np.sort(np.asarray(scores, dtype=np.float64).reshape(-1))
    return float(ordered[: max(1, int(np.ceil(len(ordered) * share)))].mean())


def read_out(pictures: np.ndarray, state: np.ndarray, seed: int = 0) -> float:
    """How well a linear probe reads the state from pictures it has not seen: R2, at least 0.

    Args:
        pictures: (n, ...) uint8, or features as floats.
        state: (n, k) numbers; columns that never change are left out.
        seed: Of the split, two thirds to learn from.
    """
    x = _columns(pictures)
    y = np.asarray(state, dtype=np.float64)
    y = y[:, y.std(0) > 0]
    if not y.shape[1]:
        return 0.0
    order = np.random.default_rng(seed).permutation(len(x))
    train, test = order[: 2 * len(x) // 3], order[2 * len(x) // 3 :]
    predicted = _ridge(x[train], (y[train] - y[train].mean(0)) / y[train].std(0).clip(1e-9), x[test])
    wanted = (y[test] - y[train].mean(0)) / y[train].std(0).clip(1e-9)
    unexplained = ((wanted - predicted) ** 2).sum(0) / ((wanted - wanted.mean(0)) ** 2).sum(0).clip(1e-9)
    return float(max(0.0, (1 - unexplained).mean()))


def told_apart(a: np.ndarray, b: np.ndarray, seed: int = 0) -> float:
    """Accuracy of a linear probe that says which look a picture wears; 0.5 is chance.

    Args:
        a: Pictures in one look, (n, ...) uint8.
        b: The same states in another.
        seed: Of the split; a state's two pictures are on the same side of it.
    """
    n = len(a)
    order = np.random.default_rng(seed).permutation(n)
    train, test = order[: n // 2], order[n // 2 :]
    stack = [_columns(x) for x in (a, b)]
    x = np.concatenate([part[train] for part in stack])
    y = np.concatenate([np.ones(len(train)), -np.ones(len(train))])[:, None]
    scores = _ridge(x, y, np.concatenate([part[test] for part in stack]))[:, 0]
    wanted = np.concatenate([np.ones(len(test)), -np.ones(len(test))])
    return float(np.where(scores == 0, 0.5, (scores * wanted) > 0).mean())


def _columns(pictures: np.ndarray) -> np.ndarray:
    """(n, d) float64: pictures in [0, 1], features as they are."""
    columns = pictures.reshape(len(pictures), -1).astype(np.float64)
    return columns / 255 if pictures.dtype == np.uint8 else columns


def _ridge(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Ridge regression in its dual form: there are fewer pictures than pixels."""
    centre = x.mean(0)
    x, new = x - centre, new - centre
    return new @ x.T @ np.linalg.solve(x @ x.T + RIDGE * np.eye(len(x)), y - y.mean(0)) + y.mean(0)
