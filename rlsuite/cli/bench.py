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


@app.command("reskin")
def reskin(
    family: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PACK", help="Looks to test on; may be repeated. None: only train.")
    ] = None,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Where runs and report lie.")] = RUNS / "bench_reskin",
    run: Annotated[
        list[str] | None, typer.Option(metavar="ARM=RUN", help="A trained run to test; may be repeated.")
    ] = None,
    level: Annotated[str | None, typer.Option(help="Train arms on this level first.")] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(help="none, crop, shift, convolution, overlay, frozen, skins-16, ...; may be repeated."),
    ] = None,
    agent: Annotated[
        str, typer.Option(help="Bonus beside the reward: ppo (none), icm, rnd, e3b, ...; auto: where it is sparse.")
    ] = "auto",
    encoder: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Generator whose features the arm frozen sees.")
    ] = None,
    train_pack: Annotated[list[Path] | None, typer.Option(metavar="PACK", help="Looks that skins-K train on.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of each arm: 0, 1, ...")] = 3,
    budget: Annotated[int, typer.Option(min=1, help="Env steps of a training.")] = 1_000_000,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes for each look.")] = 8,
    states: Annotated[int, typer.Option(min=1, help="Decisions compared state by state.")] = 100,
    set_: Overrides = None,
    json: Json = False,
) -> None:
    """Test policies on looks that they have never seen; train them first if a level is named."""
    from rlsuite.bench.reskin import Plan
    from rlsuite.bench.reskin import run as test
    from rlsuite.bench.reskin_report import table
    from rlsuite.bench.reskin_train import Recipe, arms_of, named, train_arms
    from rlsuite.cli.output import print_json, print_table

    arms = arms_of(run or ())
    if level is not None:
        recipe = Recipe(level, budget, agent, train_pack or [], encoder)
        arms |= train_arms(recipe, arm or ["none", "skins-16"], range(seeds), folder, set_ or ())
    say: Any = (lambda _: None) if json else print
    if not family:
        from rlsuite.errors import UserError

        if level is None:
            raise UserError("nothing to do: --family NAME=PACK names looks to test on, --level a level to train on")
        rows = [{"arm": name, "run": str(path)} for name, paths in arms.items() for path in paths]
        return print_json({"runs": rows}) if json else print_table(rows, ["arm", "run"])
    report = test(arms, named(family), folder, Plan(n_episodes=episodes, n_states=states), on_cell=say)
    return print_json(report) if json else print(table(report["arms"]))
