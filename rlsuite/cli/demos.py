"""`rlsuite demos ...`: demonstrations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rlsuite.cli.options import RUNS, Json, RunPath, RunsDir

app = typer.Typer(help="Demonstrations: list, look at, collect, import, export.", no_args_is_help=True)

SetId = Annotated[str, typer.Argument(metavar="ID", help="A set's id, or a path to a file or folder.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a set of the same id.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the sets that ship with rlsuite and those in the Minari folder."""
    from rlsuite.cli.output import print_json, print_table
    from rlsuite.demos import info, list_sets

    columns = ("id", "environment", "episodes", "steps", "return", "description")
    rows = [_row(info(id).to_dict()) for id in list_sets()]
    return print_json(rows) if json else print_table(rows, columns)


def _row(info: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": info["id"],
        "name": info["id"],
        "description": info["description"],
        "available": True,
        "environment": info["env_id"],
        "episodes": info["n_episodes"],
        "steps": info["n_steps"],
        "return": info["returns"]["mean"],
        "ref_min_score": info["ref_min_score"],
        "ref_max_score": info["ref_max_score"],
    }


@app.command("info")
def info_(id: SetId, json: Json = False) -> None:
    """Show what a set holds: returns, lengths, dimensions, ranges."""
    from rlsuite.cli.output import print_json
    from rlsuite.demos import info

    found = info(id).to_dict()
    return print_json({"name": found["id"], **found}) if json else _print_info(found)


def _print_info(info: dict[str, Any]) -> None:
    from rlsuite.cli.output import print_table

    facts = ("id", "source", "env_id", "algorithm", "description", "n_episodes", "n_steps", "n_terminated")
    scores = ("obs_shape", "action_shape", "ref_min_score", "ref_max_score", "data_hash")
    print_table([{"what": key, "value": str(info[key])} for key in (*facts, *scores)], ("what", "value"))
    parts = {"return": info["returns"], "length": info["lengths"]}
    parts |= {f"obs[{i}]": spread for i, spread in enumerate(info["obs"][:64])}
    parts |= {f"action[{i}]": spread for i, spread in enumerate(info["action"][:64])}
    columns = ("of", "mean", "std", "min", "median", "max", "histogram")
    rows = [{"of": name, **spread, "histogram": _bars(spread["histogram"])} for name, spread in parts.items()]
    print()
    print_table(rows, columns)


def _bars(counts: tuple[int, ...]) -> str:
    """A histogram as one line of blocks."""
    top = max(counts, default=0) or 1
    return "".join(" ▁▂▃▄▅▆▇█"[-(-8 * count // top)] for count in counts)


@app.command("collect")
def collect_(
    run: RunPath,
    id: Annotated[str, typer.Option("--id", help="Minari id of the new set: namespace/name-v0.")],
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to record.")] = 25,
    stochastic: Annotated[bool, typer.Option("--stochastic", help="Sample actions instead of the mode.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the environments.")] = 0,
    checkpoint: Annotated[str, typer.Option(help="final, best, or a step such as 500000.")] = "final",
    overwrite: Overwrite = False,
    runs: RunsDir = RUNS,
) -> None:
    """Record a run's policy into the Minari folder."""
    from rlsuite.cli.collecting import collect_from_run
    from rlsuite.cli.finding import find_run

    path = collect_from_run(
        find_run(run, runs),
        id,
        n_episodes=episodes,
        deterministic=not stochastic,
        seed=seed,
        checkpoint=checkpoint,
        overwrite=overwrite,
    )
    typer.echo(f"wrote {id} to {path}")


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A Minari id, or a .hdf5, .h5 or .npz file.")],
    id: Annotated[str, typer.Option("--id", help="Minari id to store it under: namespace/name-v0.")],
    env: Annotated[str | None, typer.Option(help="Environment it was recorded in, if the file does not say.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Bring a data set into the Minari folder (Minari, D4RL, stable-baselines, original GAIL)."""
    from rlsuite.demos import import_set

    typer.echo(f"wrote {import_set(source, id, env_id=env, overwrite=overwrite)}")


@app.command("export")
def export_(
    id: SetId,
    out: Annotated[Path, typer.Argument(metavar="OUT", help=".npz, .hdf5, or a Minari folder.")],
) -> None:
    """Write a set where other libraries read it."""
    from rlsuite.demos import export_set

    typer.echo(f"wrote {export_set(id, out)}")
