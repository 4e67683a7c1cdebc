"""How a training command ends: the summary as JSON if asked for, and the exit code."""

from __future__ import annotations

from typing import Any

import typer

EXIT_CODES = {"done": 0, "failed": 1, "interrupted": 130}


def finish(run: Any, json: bool) -> None:
    """End the command as the run ended.

    Args:
        run: What training returned: the run's folder.
        json: Print ``summary.json`` and the run's path.

    Raises:
        typer.Exit: With 0 for done, 1 for failed, 130 for interrupted.
    """
    summary = run.read_summary()
    if json:
        from rlsuite.cli.output import print_json

        print_json({"run": str(run.path), **summary})
    raise typer.Exit(EXIT_CODES.get(summary.get("status", "failed"), 1))
