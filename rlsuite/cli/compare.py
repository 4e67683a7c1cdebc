"""`rlsuite compare RUN...`: final scores side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsuite.cli.options import RUNS, Json, RunsDir

COLUMNS = ("experiment", "seed", "status", "env_steps", "return_mean", "return_std", "normalized_score", "train_wall_s")


def compare(
    names: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs, or folders of an experiment's runs.")],
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Put the final scores of runs side by side."""
    from rlsuite.cli.finding import find_run
    from rlsuite.cli.listing import run_row
    from rlsuite.cli.output import print_json, print_table
    from rlsuite.runs.folder import RunFolder, list_runs

    folders = [f for name in names for f in (list_runs(name) or [RunFolder(find_run(name, runs))])]
    rows = [run_row(folder, runs) | _identity(folder) for folder in folders]
    if json:
        return print_json(rows)
    return print_table(rows, COLUMNS)


def _identity(folder: object) -> dict[str, object]:
    path: Path = folder.path  # type: ignore[attr-defined]
    seed = next((p[1:] for p in path.name.split("-") if p[:1] == "s" and p[1:].isdigit()), "")
    return {"experiment": path.parent.name, "seed": seed}
