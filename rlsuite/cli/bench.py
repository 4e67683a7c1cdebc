"""`rlsuite bench ...`: measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rlsuite.cli.options import RUNS, Json, Overrides, RunPath, RunsDir

app = typer.Typer(help="Measurements against other libraries.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Measurements against other libraries."""


@app.command("throughput")
def throughput(
    level: Annotated[str, typer.Option(help="Level id: `rlsuite ls levels`.")],
    peer: Annotated[
        list[str] | None, typer.Option(help="Library to compare with, e.g. envpool, gymnasium, sb3; may be repeated.")
    ] = None,
    n_envs: Annotated[int, typer.Option("--n-envs", min=1, help="Environments side by side.")] = 64,
    n_threads: Annotated[int | None, typer.Option("--n-threads", min=1, help="Threads; none: every core.")] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Measurements of each, in turn.")] = 5,
    seconds: Annotated[float, typer.Option(help="Seconds of one measurement.")] = 2.0,
    policy: Annotated[bool, typer.Option("--policy", help="Put a 64-64 policy in the loop.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of environments, actions and policy.")] = 0,
    set_: Overrides = None,
    json: Json = False,
) -> None:
    """Measure env steps per second, interleaved with other libraries."""
    from rlsuite.bench.throughput import run
    from rlsuite.cli.output import print_json

    result = run(
        level,
        peer or None,
        n_envs=n_envs,
        n_threads=n_threads,
        pairs=pairs,
        seconds=seconds,
        policy=policy,
        seed=seed,
        overrides=set_ or (),
    )
    return print_json(result) if json else _print(result)


def _print(result: dict[str, Any]) -> None:
    from rlsuite.cli.output import print_table

    speeds = ("env_steps_per_s", "frames_per_s", "env_steps_per_core_s")
    ours = {"who": "rlsuite"} | {key: result[key] for key in speeds}
    theirs = [
        {"who": name} | {key: found[key] for key in speeds} | {"rlsuite / it, per core-second": result["ratios"][name]}
        for name, found in result["peers"].items()
    ]
    print_table([ours, *theirs], ("who", *speeds, "rlsuite / it, per core-second"))
    print(f"{result['machine']}")


@app.command("sparse")
def sparse(
    level: Annotated[list[str] | None, typer.Option(help="dense, sparse, very_sparse, ...; may be repeated.")] = None,
    agent: Annotated[list[str] | None, typer.Option(help="ppo, icm, rnd, ...; may be repeated.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of each: 0, 1, ...")] = 3,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Where runs and report lie.")] = RUNS / "bench_sparse",
    budget: Annotated[int | None, typer.Option(min=1, help="Env steps of a run; none: each level's own.")] = None,
    set_: Overrides = None,
    only_report: Annotated[bool, typer.Option("--only-report", help="Train nothing.")] = False,
    json: Json = False,
) -> None:
    """Train agents on sparse-reward levels, seed by seed; may be stopped and repeated."""
    from rlsuite.bench.sparse import run
    from rlsuite.bench.sparse_report import table
    from rlsuite.cli.output import print_json

    result = run(
        level or ["sparse"],
        agent or ["icm", "ppo"],
        range(seeds),
        folder,
        budget=budget,
        overrides=set_ or (),
        only_report=only_report,
        quiet=json,
    )
    if json:
        return print_json(result)
    print(table(result["cells"]))
    for cell, error in result["failures"].items():
        print(f"failed: {cell}: {error}")
    return None


@app.command("visits")
def visits(
    run: RunPath,
    pages: Annotated[int, typer.Option(min=1, help="Spans of training, a panel each.")] = 4,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file or folder; none: plots/ of the run.")] = None,
    runs: RunsDir = RUNS,
) -> None:
    """Draw where a run's policy has been, over the level's floor plan."""
    from rlsuite.bench.sparse_maps import draw_visits
    from rlsuite.cli.finding import find_run

    for path in draw_visits(find_run(run, runs), n_pages=pages, out=out):
        print(path)
