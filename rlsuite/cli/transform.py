"""`rlsuite transform RUN PICTURES`: pictures of one domain into another, or dreams."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlsuite.cli.generating import (
    Checkpoint,
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

if TYPE_CHECKING:
    from torch import Tensor

    from rlsuite.generators.dream.deepdream import Layer

DREAM = "dream"


def transform(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A translator's run, or the word dream.")],
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="A picture, or a folder of pictures.")],
    to: Annotated[str | None, typer.Option(help="The direction: a or b.")] = None,
    strength: Annotated[float, typer.Option(help="0 leaves the picture, 1 is the whole change.")] = 1.0,
    of: Annotated[Path | None, typer.Option(metavar="RUN", help="Dream: with this agent's encoder.")] = None,
    layer: Annotated[
        int | None, typer.Option(help="Dream: of EfficientNet-Lite0 0 to 17 (9 if not given), of an agent from 0.")
    ] = None,
    guide: Annotated[Path | None, typer.Option(help="Dream: a picture to take features from.")] = None,
    iterations: Annotated[int, typer.Option(min=1, help="Dream: steps at each octave.")] = 10,
    octaves: Annotated[int, typer.Option(min=1, help="Dream: sizes, small to full.")] = 4,
    film: Annotated[int, typer.Option(min=0, help="Dream: frames of a zoom film.")] = 0,
    seed: Seed = 0,
    scale: Scale = 4,
    out: Out = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Translate pictures with a run's generator, or dream on one."""
    if run == DREAM:
        options: dict[str, Any] = {"iterations": iterations, "octaves": octaves}
        paths = [_dream(picture, _layer(of, runs, checkpoint, layer), guide, film, strength, seed, out, options)]
        return say(paths, json, layer=layer)
    from rlsuite.generators import Transforms, load_images

    generator, folder = open_generator(Path(run), runs, checkpoint)
    needs(generator, Transforms, "transform")
    images = load_images({"id": "folder", "path": str(picture)}, generator.spec).floats() if picture.is_dir() else None
    images = read_one(picture, generator) if images is None else images
    made = generator.transform(images, to=to, strength=strength)  # type: ignore[attr-defined]
    sheet = _beside(images, made)
    path = place(out, folder, f"{picture.stem}-{to or 'b'}.png")
    return say([write_sheet(sheet, path, columns=2, scale=scale)], json, kind=generator.kind)


def _beside(images: Tensor, made: Tensor) -> Tensor:
    import torch

    return torch.stack([images, made], dim=1).flatten(0, 1)


def _layer(agent: Path | None, runs: Path, checkpoint: str, number: int | None) -> Layer:
    from rlsuite.generators.dream.deepdream import lite0_layer

    if agent is None:
        return lite0_layer(9 if number is None else number)
    from rlsuite.cli.finding import find_run
    from rlsuite.experiment.opening import load_encoder
    from rlsuite.generators.dream.encoders import encoder_layer

    return encoder_layer(load_encoder(find_run(agent, runs), checkpoint), number)


def _dream(
    picture: Path,
    layer: Layer,
    guide: Path | None,
    n_frames: int,
    strength: float,
    seed: int,
    out: Path | None,
    options: dict[str, Any],
) -> Path:
    from rlsuite.generators.dream.deepdream import dream, zoom_film
    from rlsuite.generators.images import read_image, write_png

    image, path = read_image(picture), place(out, picture.parent, f"{picture.stem}-dream.png")
    if n_frames:
        import torch

        frames = torch.cat(list(zoom_film(image, layer, n_frames, seed=seed, **options)))
        return write_sheet(frames[None], path, scale=1)
    shown = None if guide is None else read_image(guide)
    made = dream(image, layer, guide=shown, seed=seed, **options)
    return write_png(path, (image + strength * (made - image))[0].clamp(0, 1))
