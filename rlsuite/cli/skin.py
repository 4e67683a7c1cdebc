"""`rlsuite skin ...`: pictures into levels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlsuite.cli.options import RUNS, Json, Overrides, RunsDir

if TYPE_CHECKING:
    from rlsuite.skins.pack import AssetPack

app = typer.Typer(help="Generated pictures as a level's walls, tiles and textures.", no_args_is_help=True)

LEVELS = ("mujoco/Hopper-v5", "mario/1-1/dense", "doom/my_way_home/dense")
"""A level of every engine, for checks that name none."""
Pack = Annotated[Path, typer.Argument(help="A pack's folder.", metavar="PACK")]


@app.callback()
def _group() -> None:
    """Generated pictures as a level's walls, tiles and textures."""


@app.command("make")
def make(
    generator: Annotated[str, typer.Option(help="A run that trained a generator, its bundle, or the word dream.")],
    level: Annotated[str, typer.Option(help="Level id: `rlsuite ls levels`.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="PACK", help="The pack's folder.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Looks.")] = 1,
    seed: Annotated[int, typer.Option(help="Same seed, same pictures.")] = 0,
    how: Annotated[str, typer.Option(help="auto, sample, decode, transform or complete.")] = "auto",
    dial: Annotated[float, typer.Option(min=0, max=1, help="0 the original look, 1 the generated one.")] = 1.0,
    kind: Annotated[list[str] | None, typer.Option(help="Kind of slots to paint, e.g. wall; may be repeated.")] = None,
    prompt: Annotated[str | None, typer.Option(help="The sentence or label, for models that take one.")] = None,
    to: Annotated[str | None, typer.Option(help="Direction of a translator, layer of a dream.")] = None,
    set_: Overrides = None,
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Draw looks for a level from a generator, as a pack with a contact sheet."""
    from rlsuite import skins
    from rlsuite.cli.output import print_json
    from rlsuite.experiment.looks import level_for_looks, picture_source
    from rlsuite.skins.sheet import write_sheet

    source, facts = picture_source(generator, runs)
    means: Any = how  # what it may be is checked where it is used
    env = level_for_looks(level, set_ or ())
    try:
        pack = skins.make_pack(
            env, source, level=level, n=n, seed=seed, how=means, dial=dial, kinds=kind, condition=prompt, to=to,
            provenance=facts,
        )  # fmt: skip
        pack.save(out)
        sheet = write_sheet(out / "sheet.png", pack, skins.slots(env))
    finally:
        env.close()
    if json:
        return print_json(
            {"pack": str(out), "sheet": str(sheet), "level": level, "looks": len(pack), **pack.provenance}
        )
    typer.echo(f"{out}: {len(pack)} looks of {len(pack.looks[0])} pictures for {level}; {sheet}")
    return None


@app.command("check")
def check(
    pack: Annotated[Path | None, typer.Argument(help="A pack's folder; none: a test skin.", metavar="PACK")] = None,
    level: Annotated[list[str] | None, typer.Option(help="Level id; may be repeated. None: the pack's own.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Decisions to replay, over all environments.")] = 400,
    n_envs: Annotated[int, typer.Option("--n-envs", min=1, help="Environments side by side.")] = 4,
    seed: Annotated[int, typer.Option(help="Of episodes and actions.")] = 0,
    set_: Overrides = None,
    json: Json = False,
) -> None:
    """Prove that a skin leaves a level's dynamics alone: same seed, same actions, with and without it."""
    from rlsuite.cli.output import print_json, print_table

    found = _check_all(pack, level, steps, n_envs, seed, tuple(set_ or ()))
    ok = all(row["ok"] for row in found if row["available"]) and any(row["available"] for row in found)
    if json:
        print_json({"ok": ok, "checks": found})
    else:
        print_table(
            found, ["level", "engine", "steps", "episodes", "terminated", "successes", "looks", "first", "needs", "ok"]
        )
    if not ok:
        raise typer.Exit(1)


def _check_all(
    path: Path | None, levels: list[str] | None, steps: int, n_envs: int, seed: int, overrides: tuple[str, ...]
) -> list[dict[str, Any]]:
    from rlsuite import skins
    from rlsuite.errors import MissingExtraError

    pack = None if path is None else skins.load_pack(path)
    wanted = levels or (list(LEVELS) if pack is None else [pack.level])
    found = []
    for level in wanted:
        try:
            found.append({"level": level, "available": True, **_check_one(pack, level, steps, n_envs, seed, overrides)})
        except MissingExtraError as error:
            if levels or pack is not None:
                raise
            found.append({"level": level, "available": False, "needs": error.extra, "ok": None})
    return found


def _check_one(
    pack: AssetPack | None, level: str, steps: int, n_envs: int, seed: int, overrides: tuple[str, ...]
) -> dict[str, Any]:
    from rlsuite import skins
    from rlsuite.experiment.looks import level_for_looks

    env = level_for_looks(level, overrides, n_envs=n_envs)
    try:
        skin = skins.noise_pack(env, level=level) if pack is None else pack
        actions = skins.random_actions(env, -(-steps // n_envs), seed)
        return skins.check(env, skin, actions, seed=seed).to_dict()
    finally:
        env.close()


@app.command("show")
def show(
    pack: Pack,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Draw a contact sheet there.")] = None,
    json: Json = False,
) -> None:
    """Say what a pack holds and where it comes from; it is checked on the way."""
    from rlsuite import skins
    from rlsuite.cli.output import print_json, print_table
    from rlsuite.skins.sheet import write_sheet

    found = skins.load_pack(pack)
    facts: dict[str, Any] = {"level": found.level, "engine": found.engine, "looks": len(found)}
    facts |= {"slots": len(found.looks[0]), **found.provenance}
    if out is not None:
        facts["sheet"] = str(write_sheet(out, found))
    if json:
        return print_json(facts | {"digests": [found.digest(k) for k in range(len(found))]})
    return print_table([{"what": k, "value": v} for k, v in facts.items()], ["what", "value"])
