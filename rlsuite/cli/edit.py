"""`rlsuite edit RUN`: a picture changed by brush, sketch or drag."""

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
    write_sheet,
)
from rlsuite.cli.options import RUNS, Json, RunsDir

if TYPE_CHECKING:
    from torch import Tensor


def edit(
    run: GeneratorRun,
    start: Annotated[
        str | None, typer.Option(help="What is edited: a number of `rlsuite sample`, or a picture; none: nothing yet.")
    ] = None,
    colour: Annotated[Path | None, typer.Option(help="A picture painted with the wanted colours, else clear.")] = None,
    sketch: Annotated[Path | None, typer.Option(help="A picture with the wanted edges as dark lines on white.")] = None,
    drag: Annotated[
        str | None, typer.Option(metavar="Y,X:Y,X", help="Drag the patch at the first place to the second.")
    ] = None,
    near: Annotated[float, typer.Option(min=0, help="How strongly to stay near the start.")] = 5.0,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=64, help="Most candidates shown.")] = 16,
    iterations: Annotated[int, typer.Option(min=1, help="Steps of the search.")] = 40,
    transfer: Annotated[
        bool, typer.Option("--transfer", help="Do the same to the picture of --start itself, at its own size.")
    ] = False,
    film: Annotated[bool, typer.Option("--film", help="The way to the edit also as a film.")] = False,
    seed: Seed = 0,
    scale: Scale = 4,
    out: Out = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Search for pictures that keep what was painted, sketched or dragged, near the start (iGAN).

    Writes the candidates, best first, and the way from the start to the best one. Works with any generator that
    decodes. A generator draws a photograph only so well: `--transfer` takes motion and colour of that way and gives
    them to the photograph itself.
    """
    from rlsuite.generators import Decodes
    from rlsuite.generators.edits import edit as search
    from rlsuite.generators.edits import morph

    generator, folder = open_generator(run, runs, checkpoint)
    needs(generator, Decodes, "edit")
    if transfer and (start is None or start.isdigit()):
        raise typer.BadParameter("--transfer changes a picture of yours: name its file with --start")
    begin = None if start is None else _start(generator, start, seed)
    constraints = _constraints(generator, begin, colour, sketch, drag, near)
    found = search(generator, begin, constraints, n=n, seed=seed, iterations=iterations)
    path = place(out, folder, "edit.png")
    paths = [write_sheet(found.images, path, scale=scale)]
    if begin is not None:
        way = morph(generator, begin, found.latent[0])
        paths += _leave_way(way, path.with_name(f"{path.stem}-morph.png"), scale, film=film)
        if transfer and start is not None:
            changed = _transferred(way, Path(start))
            paths += _leave_way(changed, path.with_name(f"{path.stem}-transfer.png"), 1, film=film)
    return say(paths, json, cost=found.cost.tolist(), latent=found.latent[0].tolist())


def _leave_way(frames: Tensor, path: Path, scale: int, *, film: bool) -> list[Path]:
    """The frames side by side, and there and back as a film."""
    import torch

    paths = [write_sheet(frames, path, columns=len(frames), scale=scale)]
    if film:
        paths.append(write_sheet(torch.cat([frames, frames.flip(0)])[None], path.with_suffix(".mp4"), scale=scale))
    return paths


def _transferred(way: Tensor, photo: Path) -> Tensor:
    """The photograph (cut square in its middle) changed as far as each frame of the way."""
    from rlsuite.generators.images import read_image
    from rlsuite.generators.transfer import transfer_edit

    picture = read_image(photo, int(way.shape[1]))[0]
    side = min(picture.shape[1:])
    top, left = (picture.shape[1] - side) // 2, (picture.shape[2] - side) // 2
    return transfer_edit(way, picture[:, top : top + side, left : left + side].contiguous())


def _start(generator: Any, text: str, seed: int) -> Tensor:
    """The latent vector of a numbered sample, or of a picture projected into the generator."""
    from rlsuite.generators import project

    if text.isdigit():
        return generator.latent(int(text) + 1, seed)[int(text)]
    return project(generator, read_one(Path(text), generator), seed=seed).latent[0]


def _constraints(
    generator: Any, begin: Tensor | None, colour: Path | None, sketch: Path | None, drag: str | None, near: float
) -> Any:
    from dataclasses import replace

    from rlsuite.generators.edits import Constraints, warp

    if drag is not None:
        if begin is None:
            raise typer.BadParameter("--drag moves a part of a picture: say which with --start")
        image = generator.decode(begin[None]).detach().cpu()[0]
        return replace(warp(image, *_places(drag), size=max(4, generator.spec.size[0] * 3 // 8)), near=near)
    painted = (None, None) if colour is None else _painted(colour, generator)
    edges = None if sketch is None else 1 - _read(sketch, generator, 1)
    return Constraints(colour=painted[0], colour_mask=painted[1], edges=edges, near=near)


def _painted(path: Path, generator: Any) -> tuple[Tensor, Tensor]:
    """Colours, and where the brush went: what is not clear."""
    rgba, channels = _read(path, generator, 4), generator.spec.channels
    colours = rgba[:3].mean(dim=0, keepdim=True) if channels == 1 else rgba[:channels]
    return colours, (rgba[3:] > 0.5).float()


def _read(path: Path, generator: Any, channels: int) -> Tensor:
    import torch.nn.functional as F

    from rlsuite.generators.images import read_image

    return F.interpolate(read_image(path, channels), size=generator.spec.size, mode="area")[0]


def _places(text: str) -> tuple[tuple[int, int], tuple[int, int]]:
    try:
        (a, b), (c, d) = (place.split(",") for place in text.split(":"))
        return (int(a), int(b)), (int(c), int(d))
    except ValueError:
        raise typer.BadParameter(f"write a drag as row,column:row,column, for example 8,8:8,20, not '{text}'") from None
