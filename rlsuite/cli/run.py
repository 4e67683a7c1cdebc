"""`rlsuite run FILE`: train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsuite.cli.options import RUNS, ExperimentFile, Json, Overrides, RunsDir, Smoke


def run(
    file: ExperimentFile,
    set_: Overrides = None,
    seed: Annotated[int | None, typer.Option(help="Short for --set seed=N.")] = None,
    device: Annotated[str | None, typer.Option(help="Short for --set device=...: auto, cpu or cuda.")] = None,
    smoke: Smoke = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and train nothing.")] = False,
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Train an agent (or a generator) as an experiment file says."""
    overrides = list(set_ or ())
    overrides += [f"seed={seed}"] if seed is not None else []
    overrides += [f"device={device}"] if device is not None else []
    if dry_run:
        return _plan(file, overrides, smoke, json)
    from rlsuite.config.schema import load_experiment

    resolved = load_experiment(file, overrides, smoke)  # a mistake is told at once: what comes next imports torch
    from rlsuite.cli.ending import finish
    from rlsuite.experiment.training import train_resolved

    return finish(train_resolved(resolved, runs_dir=runs, quiet=json), json)


def _plan(file: Path, overrides: list[str], smoke: bool, json: bool) -> None:
    from rlsuite.cli.output import print_json
    from rlsuite.cli.planning import plan, print_plan

    planned = plan(file, overrides, smoke)
    if json:
        return print_json(planned)
    return print_plan(planned)
