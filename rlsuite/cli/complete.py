"""`rlsuite complete RUN PICTURE`: the rest of a picture, guessed."""

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
    read_one,
    say,
    write_sheet,
)
from rlsuite.cli.options import RUNS, Json, RunsDir

if TYPE_CHECKING:
    from torch import Tensor


def complete(
    run: GeneratorRun,
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="The picture of which a part is given.")],
    keep: Annotated[
        str,
        typer.Option(help="What is given: top:0.5, bottom:0.3, left:0.5, right:0.5, or a mask that is white there."),
    ] = "top:0.5",
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many guesses.")] = 8,
    seed: Seed = 0,
    scale: Scale = 4,
    out: Out = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Keep a part of a picture and let the generator fill in the rest, several times."""
    import torch

    from rlsuite.generators import Completes

    generator, folder = open_generator(run, runs, checkpoint)
    model: Any = needs(generator, Completes, "complete")
    image = read_one(picture, generator)
    known = known_part(keep, generator.spec.size)
    made = model.complete(image, known, n=n, seed=seed)
    sheet = torch.cat([image * known + 0.5 * (1 - known), made])
    return say([write_sheet(sheet, out or folder / f"{picture.stem}-completed.png", scale=scale)], json, keep=keep)


def known_part(text: str, size: tuple[int, int]) -> Tensor:
    """1 x 1 x H x W, 1 where pixels are given."""
    import torch
    import torch.nn.functional as F

    from rlsuite.generators import read_image

    if Path(text).suffix:
        mask = F.interpolate(read_image(Path(text), 1), size=size, mode="nearest")
        return (mask > 0.5).float()
    side, _, share = text.partition(":")
    try:
        part = float(share or 0.5)
    except ValueError:
        part = -1.0
    if side not in ("top", "bottom", "left", "right") or not 0 <= part <= 1:
        raise typer.BadParameter(f"write what is given as top:0.5 (or bottom, left, right) or a mask, not '{text}'")
    known = torch.zeros(1, 1, *size)
    axis = 2 if side in ("top", "bottom") else 3
    length = known.shape[axis]
    n = round(length * part)
    known.narrow(axis, 0 if side in ("top", "left") else length - n, n).fill_(1)
    return known
