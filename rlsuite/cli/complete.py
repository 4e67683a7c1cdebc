"""`rlsuite complete RUN PICTURE...`: the rest of pictures, guessed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlsuite.cli.generating import (
    Checkpoint,
    GeneratorRun,
    Out,
    Scale,
    Seed,
    needs,
    open_generator,
    place,
    read_one,
    say,
    takes,
    write_sheet,
)
from rlsuite.cli.options import RUNS, Json, RunsDir

if TYPE_CHECKING:
    from torch import Tensor


SIDES = ("top", "bottom", "left", "right")


def complete(
    run: GeneratorRun,
    pictures: Annotated[
        list[Path], typer.Argument(metavar="PICTURE...", help="The pictures of which a part is given.")
    ],
    keep: Annotated[
        str,
        typer.Option(help="What is given: top:0.5, bottom:0.3, left:0.5, right:0.5, or a mask that is white there."),
    ] = "top:0.5",
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many guesses of each.")] = 8,
    seed: Seed = 0,
    condition: Annotated[
        list[str] | None, typer.Option(help="The sentence or type: one for all, or one for each picture.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(min=0.0, help="Below 1 safer, above 1 stranger.")] = None,
    scale: Scale = 4,
    out: Out = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Keep a part of each picture and let the generator fill in the rest, several times."""
    import torch

    from rlsuite.generators import Completes

    generator, folder = open_generator(run, runs, checkpoint)
    model: Any = needs(generator, Completes, "complete")
    images = torch.cat([read_one(picture, generator) for picture in pictures])
    known = known_part(keep, generator.spec.size).expand(len(images), -1, -1, -1)
    options = takes(model.complete, condition=_one_each(condition, len(images)), temperature=temperature)
    made = model.complete(images, known, n=n, seed=seed, **options)
    given = (images * known + 0.5 * (1 - known))[:, None]
    sheet = torch.cat([given, made.unflatten(0, (len(images), n))], dim=1).flatten(0, 1)
    path = place(out, folder, f"{pictures[0].stem}-completed.png")
    columns = n + 1 if len(images) > 1 else None
    return say(
        [write_sheet(sheet, path, columns=columns, scale=scale)], json, keep=keep, n=n, pictures_given=len(images)
    )


def _one_each(conditions: list[str] | None, n: int) -> list[str] | None:
    """One condition for each of n pictures."""
    if not conditions or len(conditions) == n:
        return conditions or None
    if len(conditions) > 1:
        raise typer.BadParameter(f"{len(conditions)} conditions for {n} pictures: give one for all, or one for each")
    return conditions * n


def known_part(text: str, size: tuple[int, int]) -> Tensor:
    """1 x 1 x H x W, 1 where pixels are given."""
    import torch
    import torch.nn.functional as F

    from rlsuite.generators import read_image

    side, _, share = text.partition(":")
    if ":" not in text and Path(text).suffix:
        mask = F.interpolate(read_image(Path(text), 1), size=size, mode="nearest")
        return (mask > 0.5).float()
    try:
        part = float(share or 0.5)
    except ValueError:
        part = -1.0
    if side not in SIDES or not 0 <= part <= 1:
        raise typer.BadParameter(f"write what is given as top:0.5 (or bottom, left, right) or a mask, not '{text}'")
    known = torch.zeros(1, 1, *size)
    axis = 2 if side in ("top", "bottom") else 3
    length = known.shape[axis]
    n = round(length * part)
    known.narrow(axis, 0 if side in ("top", "left") else length - n, n).fill_(1)
    return known
