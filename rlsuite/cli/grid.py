"""`rlsuite grid RUN`: the space between four corners."""

from __future__ import annotations

from typing import Annotated

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
    say,
    write_sheet,
)
from rlsuite.cli.options import RUNS, Json, RunsDir

CORNERS = "-1,-1,0 1,-1,0 -1,1,0 1,1,0"


def grid(
    run: GeneratorRun,
    corners: Annotated[
        str,
        typer.Option(metavar="'a,b,c a,b,c a,b,c a,b,c'", help="Three numbers a corner: TL TR BL BR; keep them small."),
    ] = CORNERS,
    n: Annotated[int, typer.Option("--n", "-n", min=2, max=50, help="Rows and columns.")] = 7,
    seed: Seed = 0,
    scale: Scale = 4,
    out: Out = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Place four corners by three numbers each and draw what lies between them."""
    from rlsuite.generators import Decodes, corner_grid

    places = _corners(corners)
    generator, folder = open_generator(run, runs, checkpoint)
    images = corner_grid(needs(generator, Decodes, "grid"), places, n, seed)
    return say(
        [write_sheet(images, place(out, folder, "grid.png"), columns=n, scale=scale)], json, corners=places.tolist()
    )


def _corners(text: str):
    import torch

    try:
        rows = [[float(number) for number in corner.split(",")] for corner in text.split()]
        if [len(row) for row in rows] == [3, 3, 3, 3]:
            return torch.tensor(rows)
    except ValueError:
        pass
    raise typer.BadParameter(f"write four corners of three numbers, for example '{CORNERS}', not '{text}'")
