"""`rlsuite compare RUN...`: final scores side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rlsuite.cli.options import RUNS, Json, RunsDir

COLUMNS = ("experiment", "level", "runs", "unfinished", "env_steps", "return", "score", "success", "train_wall_s")


def compare(
    names: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs, or folders of an experiment's runs.")],
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Put the final scores of experiments side by side: interquartile means over seeds with 95 % intervals."""
    from rlsuite import plots
    from rlsuite.cli.finding import find_runs
    from rlsuite.cli.output import print_json, print_table

    rows = plots.compare(find_runs(names, runs))
    return print_json(rows) if json else print_table([_row(row) for row in rows], COLUMNS)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "runs": row["n_runs"],
        "unfinished": row["n_unfinished"] or None,
        "return": _interval(row, "return_mean", ",.1f"),
        "score": _interval(row, "normalized_score", ".3f"),
        "success": _interval(row, "success_rate", ".2f"),
    }


def _interval(row: dict[str, Any], key: str, form: str) -> str | None:
    """``0.98 [0.96, 0.99]``; without the interval where there is one run."""
    value, low, high = row[key], row[f"{key}_low"], row[f"{key}_high"]
    if value is None:
        return None
    return f"{value:{form}} [{low:{form}}, {high:{form}}]" if row["n_runs"] > 1 else f"{value:{form}}"
