"""`rlsuite sample RUN`: new pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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


def sample(
    run: GeneratorRun,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many.")] = 36,
    seed: Seed = 0,
    condition: Annotated[
        str | None, typer.Option(help="The sentence, label or picture (a file), for models that take one.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="Below 1 safer, above 1 stranger.")] = None,
    best: Annotated[int | None, typer.Option(min=1, help="Draw N and keep this many, the model's own choice.")] = None,
    single: Annotated[Path | None, typer.Option(metavar="DIR", help="Also write each picture by itself.")] = None,
    palette: Annotated[
        str | None, typer.Option(help="Snap to a palette: nes, doom, or a number of colours to fit.")
    ] = None,
    dither: Annotated[bool, typer.Option("--dither", help="Ordered dither between palette colours.")] = False,
    block_colours: Annotated[int | None, typer.Option(min=1, help="Most colours in each 16x16 block (NES: 4).")] = None,
    seamless: Annotated[bool, typer.Option("--seamless", help="Let opposite edges meet, for tiles.")] = False,
    scale: Scale = 4,
    out: Out = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Draw new pictures (or films) with a run's generator."""
    from rlsuite.cli.palettes import snapped
    from rlsuite.generators import Ranks, Samples, best_of, make_seamless, write_png

    generator, folder = open_generator(run, runs, checkpoint)
    model: Any = needs(generator, Samples, "sample")
    given = _given(generator, condition)
    own_seams = seamless and best is None and hasattr(generator, "sample_seamless")  # dalle: in its codes
    if own_seams:
        images = model.sample_seamless(n, seed=seed, condition=given, temperature=temperature)
    elif best is not None:
        images = best_of(model, needs(generator, Ranks, "sample --best"), n, best, seed=seed, condition=given)
    else:
        images = model.sample(n, seed=seed, condition=given, temperature=temperature)
    if images.dim() == 4:
        images = make_seamless(images) if seamless and not own_seams else images
        images = snapped(images, palette, dither=dither, colours_a_block=block_colours) if palette else images
    paths = [write_sheet(images, out or folder / f"samples-seed{seed}.png", scale=scale)]
    if single is not None and images.dim() == 4:
        paths += [write_png(single / f"{i:05d}.png", image) for i, image in enumerate(images)]
    return say(paths, json, kind=generator.kind, n=len(images), seed=seed)


def _given(generator: Any, condition: str | None) -> Any:
    """What the model is given: the text itself, or the picture that it names."""
    if condition is None or generator.spec.condition != "image":
        return condition
    return read_one(Path(condition), generator)
