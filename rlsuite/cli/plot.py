"""`rlsuite plot RUN...`: return against env steps."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rlsuite.cli.options import RUNS, Json, RunsDir


class Group(StrEnum):
    """What is drawn in one colour."""

    experiment = "experiment"
    level = "level"
    run = "run"


def plot(
    names: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs, or folders of an experiment's runs.")],
    key: Annotated[str, typer.Option(help="The metric; docs/metrics.md lists them.")] = "rollout/ep_rew_mean",
    x: Annotated[str, typer.Option(help="env_steps, wall_s, train_s, frames, or a metric.")] = "env_steps",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file or folder; none: plots/ of the run.")] = None,
    group: Annotated[Group, typer.Option(help="What is drawn in one colour.")] = Group.experiment,
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Draw return against env steps for one run or many (PNG, SVG and the CSV behind them)."""
    from rlsuite import plots
    from rlsuite.cli.finding import find_runs

    options: Any = {"key": key, "x": x, "out": out, "group_by": group.value}
    files = plots.plot_runs(find_runs(names, runs), **options)
    if json:
        from rlsuite.cli.output import print_json

        return print_json({"files": [str(file) for file in files]})
    for file in files:
        typer.echo(str(file))
    return None
