"""`rlsuite eval RUN`: play episodes with a run's policy."""

from __future__ import annotations

from typing import Annotated

import typer

from rlsuite.cli.options import RUNS, Json, Overrides, RunPath, RunsDir


def evaluate(
    run: RunPath,
    episodes: Annotated[int | None, typer.Option(min=1, help="Episodes; none: as the experiment says.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the evaluation's environments.")] = None,
    stochastic: Annotated[bool, typer.Option("--stochastic", help="Sample actions instead of the mode.")] = False,
    checkpoint: Annotated[str, typer.Option(help="final, best, or a step such as 500000.")] = "final",
    set_: Overrides = None,
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Play episodes with a run's policy and print its scores. --set env.id=LEVEL plays it on another level."""
    from rlsuite.cli.finding import find_run
    from rlsuite.cli.output import print_json, print_table
    from rlsuite.experiment import evaluate as play

    path = find_run(run, runs)
    result = play(
        path,
        n_episodes=episodes,
        deterministic=False if stochastic else None,
        checkpoint=checkpoint,
        seed=seed,
        overrides=list(set_ or ()),
    )
    if json:
        return print_json({"run": str(path), **result})
    return print_table(
        [{"score": k, "value": v} for k, v in result.items() if not isinstance(v, list)], ["score", "value"]
    )
