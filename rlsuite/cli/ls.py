"""`rlsuite ls KIND`: what there is to name in an experiment, and the runs so far."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rlsuite.cli.options import RUNS, Json, RunsDir


class Kind(StrEnum):
    """What can be listed."""

    levels = "levels"
    agents = "agents"
    learners = "learners"
    rewards = "rewards"
    generators = "generators"
    datasets = "datasets"
    runs = "runs"


def ls(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    json: Json = False,
    runs: RunsDir = RUNS,
) -> None:
    """List levels, agents, learners, rewards, generators, datasets or runs."""
    from rlsuite.cli.listing import columns, rows
    from rlsuite.cli.output import print_json, print_table

    found = rows(kind.value, Path(runs))
    if json:
        return print_json(found)
    if not found:
        return print(f"no {kind.value} yet" + (f" in {runs}" if kind is Kind.runs else ""))
    return print_table(found, columns(kind.value))
