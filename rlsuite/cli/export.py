"""`rlsuite export RUN`: a zip that stock stable-baselines3 loads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsuite.cli.options import RUNS, RunPath, RunsDir


def export(
    run: RunPath,
    out: Annotated[Path | None, typer.Argument(metavar="[OUT]", help="The zip; none: policy.zip in the run.")] = None,
    checkpoint: Annotated[str, typer.Option(help="final, best, or a step such as 500000.")] = "final",
    runs: RunsDir = RUNS,
) -> None:
    """Write a run's policy as a zip that stock stable-baselines3 loads."""
    from rlsuite.cli.finding import find_run
    from rlsuite.experiment import load_policy

    path = find_run(run, runs)
    target = out or path / "policy.zip"
    load_policy(path, checkpoint).export(target)
    typer.echo(
        f"wrote {target}; it loads with stable_baselines3, which unpickles it: open such files only if you trust them"
    )
