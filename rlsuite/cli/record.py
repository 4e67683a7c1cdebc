"""`rlsuite record RUN`: a film of a run's policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsuite.cli.options import RUNS, Json, RunPath, RunsDir


def record(
    run: RunPath,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to write; none: the run's videos/.")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes, one after the other.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Seed of the episodes.")] = None,
    checkpoint: Annotated[str, typer.Option(help="final, best, or a step such as 500000.")] = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Film a run's policy."""
    raise NotImplementedError
