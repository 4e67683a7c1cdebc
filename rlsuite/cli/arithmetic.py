"""`rlsuite arithmetic RUN`: concepts added and subtracted."""

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
    say,
    write_sheet,
)
from rlsuite.cli.options import RUNS, Json, RunsDir

if TYPE_CHECKING:
    from torch import Tensor


def arithmetic(
    run: GeneratorRun,
    plus: Annotated[
        list[str],
        typer.Option("--plus", metavar="CONCEPT", help="Exemplars: numbers '3,17,40', or a folder of pictures."),
    ],
    minus: Annotated[list[str] | None, typer.Option("--minus", metavar="CONCEPT", help="The same, taken away.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="The result and noisy neighbours of it.")] = 9,
    spread: Annotated[float, typer.Option(min=0, help="How far the neighbours lie.")] = 0.25,
    walk: Annotated[
        int, typer.Option(min=0, help="Instead: walk the first N samples along the sum in so many steps, a row each.")
    ] = 0,
    reach: Annotated[float, typer.Option(help="How far the walk goes either way.")] = 1.0,
    seed: Seed = 0,
    scale: Scale = 4,
    out: Out = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Add and subtract the mean latent vectors of a few exemplars a concept, and draw the result.

    Exemplars are numbers of pictures of `rlsuite sample RUN --seed SEED` (0 is the first), or a folder of
    pictures, which are projected into the generator first.
    `--walk 9` shows a turn: left faces added, right ones taken away.
    """
    import torch

    from rlsuite.generators import Decodes, neighbours
    from rlsuite.generators import arithmetic as add_up
    from rlsuite.generators import walk as go_along
    from rlsuite.generators.gan.decoder import decode_all

    opened, folder = open_generator(run, runs, checkpoint)
    generator: Any = needs(opened, Decodes, "arithmetic")
    concepts = [_concept(generator, text, seed) for text in plus]
    taken = [_concept(generator, text, seed) for text in minus or ()]
    latent = add_up(concepts, taken)
    path = place(out, folder, "arithmetic.png")
    if walk:
        ways = torch.cat([go_along(start, latent, walk, reach) for start in generator.latent(n, seed)])
        return say([write_sheet(decode_all(generator, ways), path, columns=walk, scale=scale)], json, steps=walk)
    around = decode_all(generator, neighbours(latent, n, spread, seed))
    paths = [write_sheet(around, path, scale=scale)]
    rows = [decode_all(generator, concept) for concept in (*concepts, *taken)]
    paths += [
        write_sheet(row, path.with_name(f"{path.stem}-{'plus' if i < len(plus) else 'minus'}-{i}.png"), scale=scale)
        for i, row in enumerate(rows)
    ]
    return say(paths, json, latent=latent.tolist())


def _concept(generator: Any, text: str, seed: int) -> Tensor:
    """Latent vectors of a concept's exemplars, (k, latent)."""
    if Path(text).is_dir():
        return _projected(generator, Path(text))
    numbers = text.split(",")
    if not all(number.strip().isdigit() for number in numbers):
        raise typer.BadParameter(f"a concept is numbers such as 3,17,40 or a folder of pictures, not '{text}'")
    rows = [int(number) for number in numbers]
    return generator.latent(max(rows) + 1, seed)[rows]


def _projected(generator: Any, folder: Path) -> Tensor:
    from rlsuite.generators import load_images, project

    images = load_images({"id": "folder", "path": str(folder)}, generator.spec).floats()
    return project(generator, images).latent
