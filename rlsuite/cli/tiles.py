"""`rlsuite tiles RUN`: a tile set out of generated pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rlsuite.cli.generating import Checkpoint, GeneratorRun, Seed, needs, open_generator, say
from rlsuite.cli.options import RUNS, Json, RunsDir


def tiles(
    run: GeneratorRun,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder of the set; none: in the run.")
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Pictures to draw and choose from.")] = 256,
    most: Annotated[int, typer.Option(min=1, help="Tiles kept at most.")] = 64,
    size: Annotated[int, typer.Option(min=1, help="Side of a tile; larger pictures are cut as screens.")] = 16,
    palette: Annotated[str, typer.Option(help="nes, doom, or a number of colours to fit.")] = "nes",
    block_colours: Annotated[int, typer.Option(min=0, help="Most colours in each 16x16 block; 0: no rule.")] = 4,
    dither: Annotated[bool, typer.Option("--dither", help="Ordered dither between palette colours.")] = False,
    seams: Annotated[bool, typer.Option("--seams", help="Leave the tiles' edges as they were drawn.")] = False,
    seed: Seed = 0,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Make a tile set of new pictures: few colours, no seams, no tile twice; Tiled and game engines read it.

    Writes tiles.png, tiles.tsj (geometry, palette, measures, provenance), preview.png, and of screens a map each.
    """
    from rlsuite.cli.palettes import named_palette
    from rlsuite.errors import UserError
    from rlsuite.generators import Samples
    from rlsuite.generators.features import to_rgb
    from rlsuite.generators.tileset import make_tiles, write_tiles

    generator, folder = open_generator(run, runs, checkpoint)
    model: Any = needs(generator, Samples, "tiles")
    if generator.spec.n_frames is not None or generator.spec.condition != "none":
        raise UserError(f"rlsuite tiles: a {generator.kind} draws no still images of a seed alone")
    images = to_rgb(model.sample(n, seed=seed)).clamp(0, 1)
    colours = named_palette(palette, images)
    rule = block_colours or None
    made = make_tiles(images, colours, size=size, most=most, seamless=not seams, colours_a_block=rule, dither=dither)
    told = {"generator": generator.kind, "seed": seed, "palette_name": palette, **generator.provenance}
    paths = write_tiles(made, out or folder / "tiles", told)
    return say(paths, json, n_tiles=len(made.tiles), **made.measures)
