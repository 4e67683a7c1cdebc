"""What came of the sparse benchmark: per run, per cell, and as a table for people."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlsuite.bench.statistics import bootstrap, iqm
from rlsuite.plots.curves import first_passage
from rlsuite.plots.reading import RunData, read_run
from rlsuite.runs.folder import RunFolder

if TYPE_CHECKING:
    from rlsuite.bench.sparse import Cell

THRESHOLDS = (0.5, 0.95)
SUCCESS = "rollout/success_rate"


@dataclass(frozen=True)
class Row:
    """One run.

    Attributes:
        level: Level of the benchmark.
        agent: Agent of the benchmark.
        seed: Its seed.
        status: Of the run.
        env_steps: Taken so far.
        frames: Engine frames.
        score: In [0, 1]: success rate of the final evaluation, or of the last training episodes if there
            is none yet; furthest x over level length where the level tells progress.
        success: Success rate of the last training episodes (sampled policy).
        steps_to_50: Env steps until half of the last training episodes succeeded, None if never (censored).
        steps_to_95: The same for 95 %.
        ep_cells: 64-unit cells per episode, newest.
        ep_rooms: Rooms per episode, newest.
        n_cells: Cells ever visited.
        x_max: Farthest x reached.
        wall_s: Training time.
        env_steps_per_s: Speed of training.
        path: The run's folder.
    """

    level: str
    agent: str
    seed: int
    status: str
    env_steps: int
    frames: int
    score: float | None
    success: float | None
    steps_to_50: float | None
    steps_to_95: float | None
    ep_cells: float | None
    ep_rooms: float | None
    n_cells: float | None
    x_max: float | None
    wall_s: float
    env_steps_per_s: float
    path: str


def make_row(cell: Cell, folder: RunFolder) -> Row:
    """Read one run."""
    data = read_run(folder.path)
    reached = [_passage(data, threshold) for threshold in THRESHOLDS]
    summary, final = data.summary, data.final
    success = _newest(data, SUCCESS)
    score = next(
        (v for v in (final.get("normalized_score"), final.get("success_rate"), success) if v is not None), None
    )
    return Row(
        *(cell.level, cell.agent, cell.seed, data.status),
        env_steps=int(summary.get("env_steps") or 0),
        frames=int(summary.get("frames") or 0),
        score=score,
        success=success,
        steps_to_50=reached[0],
        steps_to_95=reached[1],
        ep_cells=_newest(data, "explore/ep_cells"),
        ep_rooms=_newest(data, "explore/ep_rooms"),
        n_cells=_newest(data, "explore/n_cells"),
        x_max=_newest(data, "explore/x_max"),
        wall_s=float(summary.get("train_wall_s") or 0.0),
        env_steps_per_s=float(summary.get("env_steps_per_s") or 0.0),
        path=str(folder.path),
    )


def _newest(data: RunData, key: str) -> float | None:
    _, y = data.series(key)
    return float(y[-1]) if len(y) else None


def _passage(data: RunData, threshold: float) -> float | None:
    x, y = data.series(SUCCESS)
    if not len(x):
        return None
    passage = first_passage(x, y, threshold)
    return passage.x if passage.solved else None


def report(
    runs: Mapping[Cell, RunFolder], failures: Mapping[str, str], before: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Rows of every run, and per level and agent the interquartile mean of the scores with its interval.

    Args:
        runs: The runs there are.
        failures: What became of cells that could not be trained.
        before: Lines such as `played` makes, put before those of the runs.
    """
    rows = [make_row(cell, folder) for cell, folder in runs.items()]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.level, row.agent), []).append(row)
    cells = [_summarise(level, agent, members) for (level, agent), members in groups.items()]
    return {"runs": [asdict(row) for row in rows], "cells": [*before, *cells], "failures": dict(failures)}


def _summarise(level: str, agent: str, rows: list[Row]) -> dict[str, Any]:
    scores = np.array([row.score for row in rows if row.score is not None])
    estimate = bootstrap(scores, iqm) if len(scores) else None
    finished = [row for row in rows if row.status == "done"]
    return {
        "level": level,
        "agent": agent,
        "n_seeds": len(rows),
        "n_done": len(finished),
        "score_iqm": None if estimate is None else estimate.value,
        "score_low": None if estimate is None else estimate.low,
        "score_high": None if estimate is None else estimate.high,
        "solved_50": sum(row.steps_to_50 is not None for row in rows),
        "solved_95": sum(row.steps_to_95 is not None for row in rows),
        "steps_to_50": _median([row.steps_to_50 for row in rows]),
        "steps_to_95": _median([row.steps_to_95 for row in rows]),
        "ep_cells": _mean([row.ep_cells for row in rows]),
        "ep_rooms": _mean([row.ep_rooms for row in rows]),
        "env_steps": min(row.env_steps for row in rows),
        "env_steps_per_s": _median([row.env_steps_per_s for row in rows]),
    }


def played(level: str, agent: str, score: float, n_episodes: int) -> dict[str, Any]:
    """A line of the table for a policy that was played and not trained."""
    empty = dict.fromkeys(("score_low", "score_high", "steps_to_50", "steps_to_95", "ep_cells", "ep_rooms"))
    counts = dict.fromkeys(("n_seeds", "n_done", "solved_50", "solved_95", "env_steps"), 0)
    common = {"level": level, "agent": agent, "score_iqm": score, "n_episodes": n_episodes, "env_steps_per_s": None}
    return common | empty | counts


def _median(values: list[float | None]) -> float | None:
    """Median with unsolved runs counted as infinitely late; None if that is what it comes to."""
    found = float(np.median([np.inf if v is None else v for v in values]))
    return found if np.isfinite(found) else None


def _mean(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


COLUMNS = ("level", "agent", "seeds", "score (IQM)", "to 50 %", "to 95 %", "cells", "rooms", "env steps", "steps/s")


def table(cells: list[dict[str, Any]]) -> str:
    """The cells as a Markdown table; unsolved is said with the steps it was given."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for c in cells:
        score = "-" if c["score_iqm"] is None else f"{c['score_iqm']:.2f}"
        score += "" if c["score_low"] is None else f" [{c['score_low']:.2f}, {c['score_high']:.2f}]"
        reached = [_steps(c, "50"), _steps(c, "95")]
        seeds = f"{c['n_done']}/{c['n_seeds']} done" if c["n_seeds"] else f"{c['n_episodes']} episodes"
        coverage = ["-" if c[k] is None else f"{c[k]:.1f}" for k in ("ep_cells", "ep_rooms")]
        took = [f"{c['env_steps']:,}", f"{c['env_steps_per_s'] or 0:,.0f}"] if c["n_seeds"] else ["-", "-"]
        lines.append("| " + " | ".join([c["level"], c["agent"], seeds, score, *reached, *coverage, *took]) + " |")
    return "\n".join(lines)


def _steps(cell: dict[str, Any], which: str) -> str:
    solved, n = cell[f"solved_{which}"], cell["n_seeds"]
    if not n:
        return "-"
    if cell[f"steps_to_{which}"] is None:
        return f"> {cell['env_steps'] / 1e6:.2f} M ({solved}/{n})"
    return f"{cell[f'steps_to_{which}'] / 1e6:.2f} M ({solved}/{n})"


def write_report(folder: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Leave the report in ``folder`` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(found, indent=1) + "\n")
    failures = "".join(f"\n- {cell}: {error}" for cell, error in found["failures"].items())
    text = table(found["cells"]) + ("\n\nFailed:" + failures if failures else "") + "\n"
    (folder / "report.md").write_text(text)
    with open(folder / "report.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(Row.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(found["runs"])
    return found
