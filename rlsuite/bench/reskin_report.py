"""What came of the reskin benchmark: a table for people, the curve over the dial, and the numbers behind both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlsuite.bench.reskin_measures import LEGIBLE, cvar, gap
from rlsuite.bench.statistics import bootstrap, iqm
from rlsuite.plots.style import GREY, add_legend, colour, dash, new_grid, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Cells = Sequence[Mapping[str, Any]]
ALL = "all fair"
COLUMNS = (
    *("arm", "family", "n_runs", "random", "original", "skinned", "gap", "worst", "cvar20", "radius", "agreement"),
    *("kl", "told_apart", "legible", "fair"),
)
HEADER = ("arm", "family", "run", "dial", "score", "low", "high", "n_runs")


def write_report(folder: Path, report: dict[str, Any]) -> dict[str, Any]:
    """Summarise the cells; write ``report.json``, ``report.md`` and the curve (PNG, SVG, CSV). Returns the report."""
    report["legible"] = legibility(report["cells"])
    report["arms"] = summarise(report["cells"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=1, default=float) + "\n")
    (folder / "report.md").write_text(table(report["arms"]) + "\n")
    if report["cells"]:
        figure, rows = draw_curves(report["cells"])
        report["figures"] = [str(path) for path in save(figure, folder / "curve", rows, HEADER)]
    return report


def legibility(cells: Cells) -> dict[str, float]:
    """How well the state is read from each family's pictures, relative to the original's; mean over runs."""
    families = dict.fromkeys(cell["family"] for cell in cells)
    return {f: float(np.mean([cell["legible"] for cell in cells if cell["family"] == f])) for f in families}


def summarise(cells: Cells) -> list[dict[str, Any]]:
    """A row for each arm and family, over runs, and one for each arm over all families that are legible."""
    legible = legibility(cells)
    fair = [family for family, value in legible.items() if value >= LEGIBLE]
    found = []
    for arm in dict.fromkeys(cell["arm"] for cell in cells):
        mine = [cell for cell in cells if cell["arm"] == arm]
        for family in dict.fromkeys(cell["family"] for cell in mine):
            row = _row([cell for cell in mine if cell["family"] == family])
            found.append({"arm": arm, "family": family, **row, "legible": legible[family], "fair": family in fair})
        if kept := [cell for cell in mine if cell["family"] in fair]:
            count = f"{len(fair)} of {len(legible)}"
            found.append({"arm": arm, "family": ALL, **_row(kept), "legible": "", "fair": count})
    return found


def _row(cells: Cells) -> dict[str, Any]:
    """Some cells of one arm: over looks and runs the interquartile mean, and the mean of what is one number a cell."""
    runs = list(dict.fromkeys(cell["run"] for cell in cells))
    looks, lost = (
        np.array([[score for cell in cells if cell["run"] == run for score in each(cell)] for run in runs])
        for each in (lambda cell: cell["looks"], _lost)
    )
    radii = [np.inf if cell["radius"] is None else cell["radius"] for cell in cells]
    middle = float(np.median(radii))
    return {
        "n_runs": len(runs),
        "random": float(np.mean([cell["floor"] for cell in cells])),
        "original": iqm([cell["original"] for cell in cells]),
        "skinned": str(bootstrap(looks)),
        "gap": str(bootstrap(lost)),
        "worst": float(looks.min()),
        "cvar20": cvar(looks),
        "radius": None if np.isinf(middle) else middle,
        **{key: float(np.mean([cell[key] for cell in cells])) for key in ("agreement", "kl", "told_apart")},
    }


def _lost(cell: Mapping[str, Any]) -> list[float]:
    """The gap of every look."""
    return [gap(cell["original"], score, cell["floor"]) for score in cell["looks"]]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The summary as Markdown; a radius of ``>1`` was not reached by half of the runs."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for row in rows:
        cells = [">1" if key == "radius" and row[key] is None else row[key] for key in COLUMNS]
        lines.append("| " + " | ".join(_written(cell) for cell in cells) + " |")
    return "\n".join(lines)


def _written(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def draw_curves(cells: Cells) -> tuple[Figure, list[list[Any]]]:
    """Score over the dial, an axis for each family: runs thin, their interquartile mean thick; rows of the CSV."""
    families, arms = (list(dict.fromkeys(cell[key] for cell in cells)) for key in ("family", "arm"))
    figure, axes = new_grid(len(families))
    rows: list[list[Any]] = []
    for family, ax in zip(families, axes, strict=True):
        here = [cell for cell in cells if cell["family"] == family]
        ax.axhline(float(np.mean([cell["floor"] for cell in here])), color=GREY, linestyle=(0, (1, 2)), linewidth=1.2)
        for i, arm in enumerate(arms):
            if mine := [cell for cell in here if cell["arm"] == arm]:
                rows += _draw_arm(ax, mine, i)
        ax.set_title(family)
        ax.set_xlabel("dial: 0 the game's look, 1 the generated")
    axes[0].set_ylabel(f"score on {cells[0]['level']} (dotted: random actions)")
    add_legend(figure, width=len(families))
    return figure, rows


def _draw_arm(ax: Axes, cells: Cells, i: int) -> list[list[Any]]:
    arm, family, n = cells[0]["arm"], cells[0]["family"], len(cells)
    dials = [dial for dial, _ in cells[0]["curve"]]
    scores = np.array([[score for _, score in cell["curve"]] for cell in cells])
    rows = [
        [arm, family, cell["run"], dial, score, "", "", 1]
        for cell, line in zip(cells, scores.tolist(), strict=True)
        for dial, score in zip(dials, line, strict=True)
    ]
    for line in scores if n > 1 else ():
        ax.plot(dials, line, color=colour(i), linestyle=dash(i), linewidth=0.8, alpha=0.55)
    found = [bootstrap(column) for column in scores.T]
    ax.plot(dials, [e.value for e in found], color=colour(i), linestyle=dash(i), linewidth=2.4, marker="o",
            markersize=4, label=f"{arm} (n = {n})")  # fmt: skip
    if n > 1:
        ax.fill_between(dials, [e.low for e in found], [e.high for e in found], color=colour(i), alpha=0.2, linewidth=0)
    return rows + [[arm, family, "iqm", d, e.value, e.low, e.high, n] for d, e in zip(dials, found, strict=True)]
