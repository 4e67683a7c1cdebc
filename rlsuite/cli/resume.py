"""`rlsuite resume [RUN]`: go on where a run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsuite.cli.options import RUNS, Json, Overrides, RunsDir


def resume(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="A run's folder; none: the newest interrupted one.")
    ] = None,
    set_: Overrides = None,
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Go on with a run from its newest checkpoint; --set budget.env_steps=... trains one that is done further."""
    from rlsuite.cli.ending import finish
    from rlsuite.cli.finding import find_run, newest_interrupted
    from rlsuite.experiment import resume as go_on

    path = find_run(run, runs) if run else newest_interrupted(runs)
    if run is None:
        typer.echo(f"resuming the newest interrupted run: {path}", err=True)
    finish(go_on(path, set_ or (), quiet=json), json)
