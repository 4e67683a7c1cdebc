"""When do runs get good enough? Steps to a threshold, with those that never did drawn as censored."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rlsuite.plots.curves import FirstPassage, first_passage, share_solved
from rlsuite.plots.drawing import LABELS, GroupBy, default_stem, group_of, with_metric
from rlsuite.plots.reading import X_KEYS, RunData, read_runs
from rlsuite.plots.style import add_legend, colour, dash, new_grid, save, short_number, stem_of

HEADER = ("group", "run", "seed", "status", "x", "solved")


def plot_solved(
    runs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    threshold: float,
    x: str = "env_steps",
    key: str = "rollout/success_rate",
    out: str | os.PathLike[str] | None = None,
    group_by: GroupBy = "experiment",
) -> list[Path]:
    """Draw the share of runs whose metric has reached a threshold, against env steps.

    A run that ended without reaching it is censored: a tick on the curve marks where it left, and the
    share is Kaplan and Meier's estimate, which takes such runs for what they are.

    Args:
        runs: Run folders, experiments' folders, or ``runs/``.
        threshold: What counts as solved.
        x: As in `rlsuite.plots.plot_runs`.
        key: The metric.
        out: As in `rlsuite.plots.plot_runs`.
        group_by: As in `rlsuite.plots.plot_runs`.

    Returns:
        The PNG, the SVG and the CSV.

    Raises:
        UserError: There is no such run, or none of them has the metric.
        DataError: A run's metrics cannot be read.
        RunError: The files cannot be written.
    """
    data = with_metric(read_runs(runs), key, x)
    figure, (ax,) = new_grid()
    end = max(float(r.series(key, x)[0][-1]) for r in data)
    rows: list[list[Any]] = []
    for i, name in enumerate(dict.fromkeys(group_of(r, group_by) for r in data)):
        members = [r for r in data if group_of(r, group_by) == name]
        passages = [first_passage(*r.series(key, x), threshold) for r in members]
        _draw(ax, passages, name, i, end)
        rows += [[name, *_facts(r), p.x, int(p.solved)] for r, p in zip(members, passages, strict=True)]
    ax.set_ylim(-0.03, 1.05)
    ax.set_title(f"{LABELS.get(key, key)} ≥ {threshold:g}")
    ax.set_ylabel("share of runs that got there")
    ax.set_xlabel(X_KEYS.get(x, ("", x))[1])
    ax.xaxis.set_major_formatter(short_number)
    add_legend(figure)
    return save(figure, stem_of(out, default_stem(data, f"{key}_solved")), rows, HEADER)


def _draw(ax: Any, passages: Sequence[FirstPassage], name: str, i: int, end: float) -> None:
    xs, shares = share_solved(passages)
    solved = sum(p.solved for p in passages)
    label = f"{name} ({solved} of {len(passages)} solved)"
    steps = (np.append(xs, end), np.append(shares, shares[-1]))
    ax.step(*steps, where="post", color=colour(i), linestyle=dash(i), linewidth=2.4, label=label)
    left = [p.x for p in passages if not p.solved]
    heights = [shares[np.searchsorted(xs, at, side="right") - 1] for at in left]
    ax.plot(left, heights, linestyle="none", marker="|", markersize=14, markeredgewidth=2.2, color=colour(i))


def _facts(run: RunData) -> list[Any]:
    return [run.path.name, run.seed, run.status]
