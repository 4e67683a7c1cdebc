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
    return print_json(result) if json else _print_filled(result)


def _print_filled(result: dict[str, Any]) -> None:
    from rlsuite.bench.sparse_report import table

    print(table(result["cells"]))
    for cell, error in result["failures"].items():
        print(f"failed: {cell}: {error}")


@app.command("transfer")
def transfer(
    run: RunPath,
    level: Annotated[list[str] | None, typer.Option(help="Level id to go to; may be repeated.")] = None,
    seeds: Annotated[int, typer.Option(min=0, help="Seeds of the trainings: 0, 1, ...; 0: only play.")] = 3,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Where runs and report lie.")] = RUNS / "bench_transfer",
    budget: Annotated[int | None, typer.Option(min=1, help="Env steps of a training; none: the run's own.")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes played for each score.")] = 48,
    scratch: Annotated[bool, typer.Option(help="Train from nothing as well.")] = True,
    set_: Overrides = None,
    only_report: Annotated[bool, typer.Option("--only-report", help="Train and play nothing.")] = False,
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Play a run's policy on other levels as it is, train it further there, and compare with training from nothing."""
    from rlsuite.bench.transfer import run as move
    from rlsuite.cli.finding import find_run
    from rlsuite.cli.output import print_json

    result = move(
        find_run(run, runs),
        level or (),
        range(seeds),
        folder,
        budget=budget,
        n_episodes=episodes,
        scratch=scratch,
        overrides=set_ or (),
        only_report=only_report,
        quiet=json,
    )
    return print_json(result) if json else _print_filled(result)


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
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", min=1, help="Decisions of a tested episode; none: the run's own.")
    ] = None,
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
    plan = Plan(n_episodes=episodes, n_states=states, max_episode_steps=max_steps)
    if not family:
        from rlsuite.errors import UserError

        if level is None:
            raise UserError("nothing to do: --family NAME=PACK names looks to test on, --level a level to train on")
        rows = [{"arm": name, "run": str(path)} for name, paths in arms.items() for path in paths]
        return print_json({"runs": rows}) if json else print_table(rows, ["arm", "run"])
    report = test(arms, named(family), folder, plan, on_cell=say)
    return print_json(report) if json else print(table(report["arms"]))


@app.command("film-wall")
def film_wall(
    level: Annotated[str, typer.Option(help="A level of pictures.")],
    film: Annotated[
        str | None, typer.Option(metavar="RUN|DIR", help="A generator of films, or a folder of frames; none: noise.")
    ] = None,
    bonus: Annotated[list[str] | None, typer.Option(help="icm, icm_random, pixels, rnd, e3b; may be repeated.")] = None,
    rollouts: Annotated[int, typer.Option(min=1, help="Rollouts, with an update after each.")] = 20,
    steps: Annotated[int, typer.Option(min=2, help="Decisions of a rollout.")] = 64,
    n_envs: Annotated[int, typer.Option("--n-envs", min=1, help="Environments of each copy.")] = 16,
    seed: Annotated[int, typer.Option(help="Of level, actions, bonuses and noise.")] = 0,
    json: Json = False,
) -> None:
    """Measure how much curiosity pays for a film behind the game: 1 is nothing."""
    from rlsuite.bench.film_wall import BONUSES, Showing, films_of
    from rlsuite.bench.film_wall import run as show
    from rlsuite.cli.output import print_json, print_table

    showing = Showing(n_envs, steps, rollouts, seed=seed)
    say: Any = (lambda _: None) if json else print
    rows = show(level, films_of(film, seed), bonus or tuple(BONUSES), showing, on_film=say)
    return print_json(rows) if json else print_table(rows, ["film", "motion", "bonus", "first", "last"])


@app.command("leak")
def leak(
    run: RunPath,
    family: Annotated[list[str], typer.Option(metavar="NAME=PACK", help="The agent's looks; may be repeated.")],
    demo_pack: Annotated[
        Path | None, typer.Option(metavar="PACK", help="Looks of demonstrations that were recorded in many.")
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Decisions of each environment.")] = 128,
    n_envs: Annotated[int, typer.Option("--n-envs", min=2, help="Environments; a quarter judges.")] = 16,
    seed: Annotated[int, typer.Option(help="Of episodes and discriminator.")] = 0,
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Measure how well GAIL's discriminator tells expert from agent by looks alone: 0.5 is chance."""
    from rlsuite.bench.look_leak import Amount
    from rlsuite.bench.look_leak import run as judge
    from rlsuite.bench.reskin_train import named
    from rlsuite.cli.finding import find_run
    from rlsuite.cli.output import print_json, print_table

    say: Any = (lambda _: None) if json else print
    rows = judge(find_run(run, runs), named(family), demo_pack, Amount(n_envs, steps, seed), on_pair=say)
    if json:
        return print_json(rows)
    flat = [row | {f"after {n}": value for n, value in row["accuracy"].items()} for row in rows]
    columns = ["demonstrations", "agent", *(f"after {n}" for n in rows[0]["accuracy"])]
    return print_table(flat, [*columns, "reward_expert", "reward_agent"])
