"""Runs side by side: final scores over seeds, with intervals, and their speed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rlsuite.bench.statistics import Estimate, bootstrap
from rlsuite.plots.reading import RunData, read_runs


def compare(runs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[dict[str, Any]]:
    """One row an experiment and level: how many runs, how they ended, their scores and their speed.

    Scores are those of the final policy. Runs that did not finish are counted and named in
    ``n_unfinished`` and have no score; they are never left out silently.

    Args:
        runs: Run folders, experiments' folders, or ``runs/``.

    Returns:
        Rows with ``experiment``, ``level``, ``n_runs``, ``n_unfinished``, ``seeds``, ``env_steps`` (median),
        ``train_wall_s`` and ``env_steps_per_s`` (medians), and for ``return_mean``, ``normalized_score`` and
        ``success_rate`` the IQM over runs with the ends of its 95 % interval (``..._low``, ``..._high``).

    Raises:
        UserError: There is no such run.
        DataError: A run cannot be read.
    """
    groups: dict[tuple[str, str], list[RunData]] = {}
    for run in read_runs(runs):
        groups.setdefault((run.experiment, run.level), []).append(run)
    return [_row(experiment, level, members) for (experiment, level), members in sorted(groups.items())]


def _row(experiment: str, level: str, runs: Sequence[RunData]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "experiment": experiment,
        "level": level,
        "n_runs": len(runs),
        "n_unfinished": sum(r.status != "done" for r in runs),
        "seeds": sorted(r.seed for r in runs),
    }
    for key in ("env_steps", "train_wall_s", "env_steps_per_s"):
        row[key] = _median([r.summary.get(key) for r in runs if r.status == "done"])
    for key in ("return_mean", "normalized_score", "success_rate"):
        found = _estimate([r.final.get(key) for r in runs if r.status == "done"])
        row[key] = found.value if found else None
        row[f"{key}_low"], row[f"{key}_high"] = (found.low, found.high) if found else (None, None)
    return row


def _numbers(values: Sequence[Any]) -> list[float]:
    return [float(v) for v in values if isinstance(v, int | float) and np.isfinite(v)]


def _median(values: Sequence[Any]) -> float | None:
    kept = _numbers(values)
    return float(np.median(kept)) if kept else None


def _estimate(values: Sequence[Any]) -> Estimate | None:
    kept = _numbers(values)
    return bootstrap(kept) if kept else None
