"""The figures a run leaves by itself: ``plots/return.png`` and its neighbours, and TensorBoard's images."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlsuite.errors import UserError
from rlsuite.plots.drawing import draw_references
from rlsuite.plots.reading import RunData, read_run, references
from rlsuite.plots.style import add_legend, colour, new_grid, save, short_number, to_image
from rlsuite.runs.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Sheet:
    """One figure: metrics that belong on one axis.

    Attributes:
        name: Of the file.
        label: Of the y-axis.
        keys: Metric to its name in the legend.
        band: Metric to the one that holds its standard deviation.
        limits: Of the y-axis, or None.
    """

    name: str
    label: str
    keys: Mapping[str, str]
    band: Mapping[str, str] = dataclasses.field(default_factory=dict)
    limits: tuple[float, float] | None = None


SHEETS = (
    Sheet(
        "return",
        "return",
        {"rollout/ep_rew_mean": "training (last 100 episodes)", "eval/mean_reward": "evaluation (± 1 std of episodes)"},
        {"eval/mean_reward": "eval/std_reward"},
    ),
    Sheet(
        "success",
        "success rate",
        {"rollout/success_rate": "training (last 100 episodes)", "eval/success_rate": "evaluation"},
        limits=(-0.03, 1.03),
    ),
    Sheet(
        "discriminator",
        "share judged right",
        {"gail/disc_acc_expert": "expert's transitions", "gail/disc_acc_policy": "policy's transitions"},
        limits=(-0.03, 1.03),
    ),
    Sheet("learned_reward", "learned reward (sum over an episode)", {"rollout/ep_int_rew_mean": "training"}),
)


def plot_run(
    run: str | os.PathLike[str], *, final: Mapping[str, Any] | None = None, tensorboard: bool = True
) -> list[Path]:
    """Draw a run's own figures into its ``plots/`` and, as images, into its TensorBoard.

    Args:
        run: The run's folder.
        final: ``final`` of the summary, if that is not written yet.
        tensorboard: Whether TensorBoard gets them too.

    Returns:
        PNG, SVG and CSV of each figure.

    Raises:
        UserError: There is no such run, or it has measured nothing yet.
        DataError: Its metrics cannot be read.
        RunError: The files cannot be written.
    """
    folder = RunFolder.find(run)
    data = read_run(folder.path)
    if final is not None:
        data = dataclasses.replace(data, final=dict(final))
    drawn = {sheet.name: found for sheet in SHEETS if (found := draw_sheet(data, sheet))}
    if not drawn:
        raise UserError(f"{folder.path}: no episode has ended yet, so there is nothing to draw")
    header = ("key", "step", "value")
    paths = [p for name, (figure, rows) in drawn.items() for p in save(figure, folder.plots / name, rows, header)]
    if tensorboard:
        _to_tensorboard(folder.tensorboard, {name: figure for name, (figure, _) in drawn.items()}, _last_step(data))
    return paths


def draw_sheet(run: RunData, sheet: Sheet) -> tuple[Figure, list[list[Any]]] | None:
    """One figure and the rows of its CSV; None if the run has none of its metrics."""
    series = {k: run.series(k) for k in sheet.keys}
    if not any(len(x) for x, _ in series.values()):
        return None
    figure, (ax,) = new_grid()
    rows: list[list[Any]] = []
    for i, (key, name) in enumerate(sheet.keys.items()):
        x, y = series[key]
        if not len(x):
            continue
        sparse = len(x) <= 30
        ax.plot(x, y, color=colour(i), linewidth=2.0, marker="o" if sparse else None, markersize=5, label=name)
        rows += [[key, float(a), float(b)] for a, b in zip(x, y, strict=True)]
        spread = run.series(sheet.band[key])[1] if key in sheet.band else ()
        if len(spread) == len(x):
            ax.fill_between(x, y - spread, y + spread, color=colour(i), alpha=0.18, linewidth=0)
    if sheet.limits is not None:
        ax.set_ylim(*sheet.limits)
    rows += [[f"reference: {r[1]}", "", r[7]] for r in draw_references(ax, _sheet_references(run, sheet))]
    note = "" if run.status in ("done", "running", "unknown") else f", {run.status}"
    ax.set_title(f"{run.experiment}, seed {run.seed}{note}" + (f"  ({run.level})" if run.level else ""))
    ax.set_xlabel("env steps")
    ax.set_ylabel(sheet.label)
    ax.xaxis.set_major_formatter(short_number)
    ax.yaxis.set_major_formatter(short_number)
    add_legend(figure)
    return figure, rows


def _sheet_references(run: RunData, sheet: Sheet) -> dict[str, float]:
    for key in sheet.keys:
        if found := references([run], key):
            return found
    return {}


def _last_step(run: RunData) -> int:
    return max((int(r["step"]) for r in run.rows if isinstance(r.get("step"), int)), default=0)


def _to_tensorboard(folder: Path, figures: Mapping[str, Figure], step: int) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for name, figure in figures.items():
            writer.add_image(f"plots/{name}", to_image(figure), step, dataformats="HWC")
