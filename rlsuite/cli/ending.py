"""How a training command ends: the summary as JSON if asked for, and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rlsuite.experiment import RunResult

EXIT_CODES = {"done": 0, "interrupted": 130}


def finish(result: RunResult, json: bool) -> None:
    """End the command as the run ended; a run that failed has raised before this.

    Args:
        result: What training returned.
        json: Print ``summary.json`` and the run's path.

    Raises:
        typer.Exit: With 0 for done, 130 for interrupted.
    """
    if json and result.summary:  # a process that followed another one has none
        from rlsuite.cli.output import print_json

        print_json({"run": str(result.path), **result.summary})
    raise typer.Exit(EXIT_CODES.get(result.status, 1))
