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
    place,
    read_one,
    say,
    write_sheet,
)
from rlsuite.cli.options import RUNS, Json, RunsDir


def sample(
    run: GeneratorRun,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many; of each condition.")] = 36,
    seed: Seed = 0,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="The sentence, label or picture (a file), for models that take one; repeat it for several."),
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
    preview: Annotated[
        bool, typer.Option("--preview", help="Rewrite the sheet row by row while a token model draws.")
    ] = False,
    scale: Scale = 4,
    out: Out = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Draw new pictures (or films) with a run's generator."""
    import torch

    from rlsuite.cli.palettes import snapped
    from rlsuite.generators import Ranks, Samples, best_of, make_seamless, write_png

    generator, folder = open_generator(run, runs, checkpoint)
    model: Any = needs(generator, Samples, "sample")
    path = place(out, folder, f"samples-seed{seed}.png")
    columns = (best or n) if len(condition or ()) > 1 else None  # a row for each condition
    total, given = n * max(1, len(condition or ())), _given(generator, condition or [], n)
    own_seams = seamless and best is None and hasattr(generator, "sample_seamless")  # dalle: in its codes
    if own_seams:
        images = model.sample_seamless(total, seed=seed, condition=given, temperature=temperature)
    elif best is not None:
        ranks = needs(generator, Ranks, "sample --best")
        images = torch.cat([best_of(model, ranks, n, best, seed=seed, condition=c) for c in condition or [None]])
    else:
        show = (lambda images: write_sheet(images, path, columns=columns, scale=scale)) if preview else None
        options = _previews(model, show)
        images = model.sample(total, seed=seed, condition=given, temperature=temperature, **options)
    if images.dim() == 4:
        images = make_seamless(images) if seamless and not own_seams else images
        images = snapped(images, palette, dither=dither, colours_a_block=block_colours) if palette else images
    paths = [write_sheet(images, path, columns=columns, scale=scale)]
    if single is not None and images.dim() == 4:
        paths += [write_png(single / f"{i:05d}.png", image) for i, image in enumerate(images)]
    return say(paths, json, kind=generator.kind, n=len(images), seed=seed)


def _given(generator: Any, conditions: list[str], n: int) -> Any:
    """What the model is given: the texts themselves, or the pictures that they name, one for each of n drawings."""
    if generator.spec.condition == "image":
        import torch

        pictures = [read_one(Path(name), generator) for name in conditions]
        return torch.cat(pictures).repeat_interleave(n if len(pictures) > 1 else 1, dim=0) if pictures else None
    return [c for c in conditions for _ in range(n)] if len(conditions) > 1 else next(iter(conditions), None)


def _previews(model: Any, show: Any) -> dict[str, Any]:
    """The option that lets ``show`` see drawings that are not finished.

    Raises:
        UserError: The model draws all at once.
    """
    import inspect

    from rlsuite.errors import UserError

    if show is not None and "on_images" not in inspect.signature(model.sample).parameters:
        raise UserError(
            f"rlsuite sample --preview: a {model.kind} draws all at once; only token models draw row by row"
        )
    return {} if show is None else {"on_images": show}
