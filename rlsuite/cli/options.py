"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ExperimentFile = Annotated[
    Path, typer.Argument(help="The experiment, a YAML file; a bare name is looked up in ./experiments.", metavar="FILE")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override a value: --set agent.learner.gamma=0.99"),
]
Smoke = Annotated[bool, typer.Option("--smoke", help="The same experiment, shrunk to seconds.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
RunsDir = Annotated[Path, typer.Option("--runs", metavar="DIR", help="The folder that holds runs.")]
RunPath = Annotated[Path, typer.Argument(help="A run's folder, or any part of its name.", metavar="RUN")]
RUNS = Path("runs")
