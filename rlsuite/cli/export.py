"""`rlsuite export RUN`: a zip that stock stable-baselines3 loads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsuite.cli.options import RUNS, RunPath, RunsDir


def export(
    run: RunPath,
    out: Annotated[Path | None, typer.Argument(metavar="[OUT]", help="The zip; none: policy.zip in the run.")] = None,
    runs: RunsDir = RUNS,
) -> None:
    """Write a run's policy as a zip that stock stable-baselines3 loads."""
    raise NotImplementedError
