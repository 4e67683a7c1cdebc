"""Learning curves of one run or many: seeds thin, their interquartile mean thick."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlsuite.errors import UserError
from rlsuite.plots.curves import Aggregate, aggregate
from rlsuite.plots.reading import X_KEYS, RunData, read_runs, references
from rlsuite.plots.style import GREY, add_legend, colour, dash, new_grid, save, short_number, stem_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GroupBy = Literal["experiment", "level", "run"] | Callable[[RunData], str]

HEADER = ("level", "group", "kind", "run", "seed", "status", "x", "value", "low", "high", "n_runs")

LABELS = {
    "rollout/ep_rew_mean": "return (training, last 100 episodes)",
    "eval/mean_reward": "return (evaluation)",
    "eval/normalized_score": "normalised score (evaluation)",
    "rollout/success_rate": "success rate (training)",
    "eval/success_rate": "success rate (evaluation)",
    "rollout/ep_len_mean": "episode length (decisions)",
    "time/fps": "env steps per second",
}


def plot_runs(
    runs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    x: str = "env_steps",
    key: str = "rollout/ep_rew_mean",
    out: str | os.PathLike[str] | None = None,
    group_by: GroupBy = "experiment",
    title: str | None = None,
) -> list[Path]:
    """Draw a metric of one run or many, as PNG, SVG and the CSV behind them.

    Runs of a group are drawn thin, their interquartile mean thick with a 95 % stratified-bootstrap band;
    where some of them ended early the mean goes on dashed with the rest. A run that has not finished
    ends in an open circle: what comes after is unknown. Levels get an axis each.

    Args:
        runs: Run folders, experiments' folders (all their runs), or ``runs/``.
        x: ``env_steps``, ``wall_s``, ``train_s``, ``frames``, or any metric.
        key: The metric; see docs/metrics.md.
        out: A file (its ending is replaced) or an existing folder; None for ``plots/`` of the run, or of
            the folder that holds the runs if there are several.
        group_by: What is drawn in one colour: ``experiment``, ``level``, ``run``, or a function of `RunData`.
        title: Above the figure; None for the level.

    Returns:
        The PNG, the SVG and the CSV.

    Raises:
        UserError: There is no such run, or none of them has the metric.
        DataError: A run's metrics cannot be read.
        RunError: The files cannot be written.
    """
    data = read_runs(runs)
    figure, rows = draw_runs(data, x=x, key=key, group_by=group_by, title=title)
    return save(figure, stem_of(out, default_stem(data, key)), rows, HEADER)


def draw_runs(
    runs: Sequence[RunData],
    *,
    x: str = "env_steps",
    key: str = "rollout/ep_rew_mean",
    group_by: GroupBy = "experiment",
    title: str | None = None,
) -> tuple[Figure, list[list[Any]]]:
    """The figure of `plot_runs` and the rows of its CSV (columns `HEADER`)."""
    drawn = with_metric(runs, key, x)
    levels = sorted({r.level for r in drawn})
    figure, axes = new_grid(len(levels))
    groups = list(dict.fromkeys(group_of(r, group_by) for r in drawn))
    rows: list[list[Any]] = []
    for level, ax in zip(levels, axes, strict=True):
        here = [r for r in drawn if r.level == level]
        for i, name in enumerate(groups):
            members = [r for r in here if group_of(r, group_by) == name]
            if members:
                rows += _draw_group(ax, members, name, i, x, key)
        rows += draw_references(ax, references(here, key), level)
        ax.set_title((title if len(levels) == 1 and title is not None else level) or "")
        ax.set_xlabel(X_KEYS.get(x, ("", x))[1])
        ax.xaxis.set_major_formatter(short_number)
        ax.yaxis.set_major_formatter(short_number)
    axes[0].set_ylabel(LABELS.get(key, key))
    _legend(figure, axes, any(r.censored for r in drawn))
    return figure, rows


def with_metric(runs: Sequence[RunData], key: str, x: str) -> list[RunData]:
    """The runs that have points of a metric.

    Raises:
        UserError: None has; the message names the nearest metrics there are.
    """
    found = [r for r in runs if len(r.series(key, x)[0])]
    if found:
        return found
    there = sorted(set().union(*(r.keys() for r in runs)) - {"step", "wall_s"})
    names = ", ".join(str(r.path) for r in runs[:3])
    if not there:
        raise UserError(f"{names}: nothing has been measured yet, so there is nothing to draw")
    near = difflib.get_close_matches(key, there, n=3, cutoff=0.4)
    if key in there:
        raise UserError(f"{names}: '{key}' has no points along '{x}'; x may be {', '.join(X_KEYS)} or a metric")
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    raise UserError(f"{names}: no metric '{key}'{hint} There are: {', '.join(there)}")


def default_stem(runs: Sequence[RunData], key: str) -> Path:
    """Where a figure goes unless told: the run's plots/, or plots/ in the folder that holds all the runs."""
    name = "return" if key in ("rollout/ep_rew_mean", "eval/mean_reward") else key.replace("/", "_")
    if len(runs) == 1:
        return runs[0].path / "plots" / name
    parents = {r.path.resolve().parent for r in runs}
    home = parents.pop() if len(parents) == 1 else Path(os.path.commonpath(list(parents)))
    return home / "plots" / name


def draw_references(ax: Axes, levels: dict[str, float], level: str = "") -> list[list[Any]]:
    """Dotted lines with their names for what the runs can be compared with; rows of the CSV."""
    for name, value in levels.items():
        ax.axhline(value, color=GREY, linestyle=(0, (1, 2)), linewidth=1.2, zorder=1)
        place = ax.get_yaxis_transform()
        ax.text(
            0.995,
            value,
            f"{name} {short_number(value)}",
            transform=place,
            ha="right",
            va="bottom",
            fontsize=9,
            color=GREY,
        )
    if levels:
        ax.margins(y=0.08)
    return [[level, n, "reference", "", "", "", "", v, "", "", ""] for n, v in levels.items()]


def group_of(run: RunData, group_by: GroupBy) -> str:
    """What a run is drawn together with."""
    if callable(group_by):
        return group_by(run)
    if group_by == "run":
        return f"{run.experiment}/{run.path.name}"
    return run.level if group_by == "level" else run.experiment


def _draw_group(ax: Axes, runs: Sequence[RunData], name: str, i: int, x: str, key: str) -> list[list[Any]]:
    rows: list[list[Any]] = []
    level, n = runs[0].level, len(runs)
    for run in runs:
        xs, ys = run.series(key, x)
        single = n == 1
        ax.plot(
            xs,
            ys,
            color=colour(i),
            linestyle=dash(i),
            linewidth=2.2 if single else 0.8,
            alpha=1.0 if single else 0.55,
            label=f"{name} (n = 1)" if single else None,
            marker="o" if len(xs) == 1 else None,
        )
        if run.censored:
            ax.plot(xs[-1:], ys[-1:], marker="o", markersize=6, markerfacecolor="none", color=colour(i), zorder=5)
        facts = [level, name, "run", run.path.name, run.seed, run.status]
        rows += [[*facts, float(a), float(b), "", "", ""] for a, b in zip(xs, ys, strict=True)]
    if n > 1:
        both = aggregate([r.series(key, x) for r in runs])
        _draw_aggregate(ax, both, f"{name} (n = {n})", i, n)
        columns = zip(both.x, both.value, both.low, both.high, both.n_runs, strict=True)
        rows += [[level, name, "iqm", "", "", "", *map(float, c[:4]), int(c[4])] for c in columns]
    return rows


def _draw_aggregate(ax: Axes, both: Aggregate, label: str, i: int, n: int) -> None:
    whole = both.n_runs == n
    edge = int(whole.nonzero()[0][-1]) if whole.any() else -1
    if edge >= 0:
        part = slice(0, edge + 1)
        ax.plot(both.x[part], both.value[part], color=colour(i), linestyle=dash(i), linewidth=2.4, label=label)
    if edge + 1 < len(both.x):  # some runs ended: the mean of the rest is another thing, and looks it
        rest = slice(max(edge, 0), None)
        ax.plot(both.x[rest], both.value[rest], color=colour(i), linestyle=(0, (4, 3)), linewidth=1.6)
    ax.fill_between(both.x, both.low, both.high, color=colour(i), alpha=0.2, linewidth=0)


def _legend(figure: Figure, axes: Sequence[Axes], censored: bool) -> None:
    from matplotlib.lines import Line2D

    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if censored:
        circle = Line2D([], [], marker="o", markersize=6, markerfacecolor="none", color=GREY, linestyle="none")
        entries["ended before its budget"] = circle
    add_legend(figure, entries, width=len(axes) ** 0.5)
