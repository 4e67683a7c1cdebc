"""What the verbs for generators share: the run's generator, and where pictures go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from torch import Tensor

    from rlsuite.generators.contracts import Generator

GeneratorRun = Annotated[
    Path, typer.Argument(help="A run that trained a generator, or a bundle's folder.", metavar="RUN")
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="The picture, or a folder for it; none: in the run.")
]
Seed = Annotated[int, typer.Option(help="Same seed, same pictures.")]
Scale = Annotated[int, typer.Option(min=1, help="Each pixel becomes this many.")]
Checkpoint = Annotated[str, typer.Option(help="final, or a step such as 5000.")]

FPS = 12
"""Frames a second of films of films."""


def open_generator(run: Path, runs: Path, checkpoint: str = "final") -> tuple[Generator, Path]:
    """The generator of a run (or bundle), and the folder that its pictures go to by default."""
    from rlsuite.cli.finding import find_run
    from rlsuite.experiment.generating import load_generator

    if (run / "checkpoint.json").is_file():
        return load_generator(run), Path()
    path = find_run(run, runs)
    return load_generator(path, checkpoint), path / "pictures"


def place(out: Path | None, folder: Path, name: str) -> Path:
    """Where a picture goes: the file of ``--out``, ``name`` in the folder of ``--out``, or ``name`` in ``folder``."""
    if out is None:
        return folder / name
    return out / name if out.is_dir() or not out.suffix else out


def needs(generator: Any, protocol: Any, verb: str) -> Any:
    """The generator, if it can do what a verb asks.

    Raises:
        UserError: It cannot; the message says what it can do.
    """
    from rlsuite.errors import UserError
    from rlsuite.generators.contracts import capabilities

    if not isinstance(generator, protocol):
        can = ", ".join(capabilities(generator)) or "nothing that has a name"
        raise UserError(f"rlsuite {verb}: a {generator.kind} cannot do that; it {can}")
    return generator


def takes(call: Any, **options: Any) -> dict[str, Any]:
    """The options that were given, if what is called knows them.

    Raises:
        UserError: It does not know one.
    """
    import inspect

    from rlsuite.errors import UserError

    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in inspect.signature(call).parameters:
            kind = getattr(call.__self__, "kind", "generator")
            raise UserError(f"{kind}: `{call.__name__}` takes no --{name}; leave it out")
    return given


def read_one(picture: Path, generator: Any) -> Tensor:
    """One picture, 1 x C x S x S in [0, 1], cut and scaled as the generator wants it.

    Raises:
        DataError: It cannot be read.
    """
    import torch
    from PIL import Image

    from rlsuite.generators.data.reading import fitted
    from rlsuite.generators.images import from_bytes, read_image, to_bytes, to_channels

    rgba = Image.fromarray(to_bytes(read_image(picture, 4))[0].permute(1, 2, 0).contiguous().numpy())
    pixels = to_channels(fitted(rgba, generator.spec.size[0], "crop"), generator.spec.channels)
    return from_bytes(torch.from_numpy(pixels)).permute(2, 0, 1)[None].contiguous()


def write_sheet(images: Tensor, path: Path, *, columns: int | None = None, scale: int = 4) -> Path:
    """Images as one PNG, films as an MP4 (or the GIF that was asked for) of all side by side."""
    from rlsuite.generators.images import grid, write_png

    if images.dim() == 5 and path.suffix.lower() == ".gif":
        return _write_gif(images, path, columns, scale)
    if images.dim() == 5:
        return _write_film(images, path.with_suffix(".mp4"), columns, scale)
    return write_png(path, grid(images, columns), scale)


def _write_film(films: Tensor, path: Path, columns: int | None, scale: int) -> Path:
    from rlsuite.generators.images import film_frames
    from rlsuite.video.encode import FilmWriter

    path.parent.mkdir(parents=True, exist_ok=True)
    with FilmWriter(path, fps=FPS) as film:
        for frame in film_frames(films, columns, scale):
            film.add(frame)
    return path


def _write_gif(films: Tensor, path: Path, columns: int | None, scale: int) -> Path:
    """The same as a GIF without end, which pages show where they show no film."""
    from PIL import Image

    from rlsuite.generators.images import film_frames

    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = [Image.fromarray(frame) for frame in film_frames(films, columns, scale)]
    first.save(path, save_all=True, append_images=others, duration=round(1000 / FPS), loop=0)
    return path


def say(paths: list[Path], json: bool, **facts: Any) -> None:
    """Tell what was written."""
    if json:
        from rlsuite.cli.output import print_json

        return print_json({"pictures": [str(path) for path in paths], **facts})
    for path in paths:
        typer.echo(str(path))
    return None
