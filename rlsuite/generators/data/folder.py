"""Sets that are folders of the user's own: stills, two domains, films."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from PIL import Image

from rlsuite.errors import DataError, UserError
from rlsuite.generators.data.config import ClipsConfig, ImageSetConfig, PairedFoldersConfig
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.data.reading import Gathered, Picture, evenly, gather

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".pgm", ".ppm")
CAPTION_ENDING = ".txt"


def make(config: ImageSetConfig, size: int, channels: int) -> ImageSet:
    """Every picture at or below a folder; ``NAME.txt`` beside ``NAME.png`` is its caption, if all have one.

    Raises:
        UserError: No folder was named.
        DataError: It holds no picture.
    """
    files = find_pictures(named_folder(config))
    found = gather([_picture(file, named_folder(config)) for file in files], config, size, channels)
    chosen = [files[row] for row in found.rows]
    return ImageSet(
        config.id,
        found.images,
        [str(file.relative_to(named_folder(config))) for file in chosen],
        captions=_captions(chosen),
        source=str(config.path),
        licence="the user's own",
        problems=found.problems,
    )


def make_pairs(config: PairedFoldersConfig, size: int, channels: int) -> ImageSet:
    """Two folders as two domains; with ``aligned`` only names that both have.

    Raises:
        DataError: A folder holds no picture, or no name is in both.
    """
    folder_a = named_folder(config)
    folder_b = _existing(folder_a.parent / config.path_b)
    a, b = ({str(f.relative_to(d).with_suffix("")): f for f in find_pictures(d)} for d in (folder_a, folder_b))
    if config.aligned and not (a.keys() & b.keys()):
        raise DataError(f"{folder_a} and {folder_b} are to be aligned, but no file name is in both")
    names_a = sorted(a.keys() & b.keys()) if config.aligned else sorted(a)
    found_a = gather([_picture(a[name], folder_a) for name in names_a], config, size, channels)
    names = [names_a[row] for row in found_a.rows]
    names_b = names if config.aligned else sorted(b)
    found_b = gather([_picture(b[name], folder_b) for name in names_b], config, size, channels)
    if config.aligned and len(found_b.rows) < len(names):  # a partner that cannot be read takes its picture along
        keep = torch.tensor(found_b.rows)
        found_a = Gathered(found_a.images[keep], found_b.rows, found_a.problems)
        names = [names[row] for row in found_b.rows]
    return ImageSet(
        config.id,
        found_a.images,
        names,
        partners=found_b.images,
        aligned=config.aligned,
        licence="the user's own",
        source=f"{folder_a}, {folder_b}",
        problems=found_a.problems + found_b.problems,
    )


def make_clips(config: ClipsConfig, size: int, channels: int) -> ImageSet:
    """Films of ``n_frames`` frames cut out of recordings (`rlsuite record RUN --frames DIR` makes such folders).

    Raises:
        DataError: No recording is long enough.
    """
    folder = named_folder(config)
    assert config.n_frames is not None  # `load_images` asks the generator
    recordings = [d for d in (folder, *sorted(folder.rglob("*"))) if d.is_dir()]
    span, films, names = config.n_frames * config.stride, [], []
    for recording in recordings:
        frames = sorted(f for f in recording.iterdir() if f.suffix.lower() in ENDINGS)
        for first in range(0, len(frames) - span + 1, config.hop or span):
            films.append(frames[first : first + span : config.stride])
            names.append(f"{recording.relative_to(folder)}#{first}")
    if not films:
        raise DataError(f"{folder}: no folder below it holds {span} frames, which one film takes")
    chosen = list(evenly(len(films), config.n_images))
    whole = config.model_copy(update={"n_images": None})
    made = [gather([_picture(f, folder) for f in films[i]], whole, size, channels) for i in chosen]
    kept = [(i, g) for i, g in zip(chosen, made, strict=True) if not g.problems]
    if not kept:
        raise DataError(f"{folder}: each film has a frame that cannot be read: {made[0].problems[0]}")
    problems = [problem for g in made for problem in g.problems]
    images = torch.stack([g.images for _, g in kept])
    return ImageSet(config.id, images, [names[i] for i, _ in kept], source=str(folder), problems=problems)


def named_folder(config: ImageSetConfig) -> Path:
    """The folder of a set that is one.

    Raises:
        UserError: None was named, or it does not exist.
    """
    if config.path is None:
        raise UserError(f"data.path is missing: data {config.id} is a folder of pictures; say which")
    return _existing(Path(config.path))


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise UserError(f"data.path: {folder} is no folder")
    return folder


def find_pictures(folder: Path) -> list[Path]:
    """Every picture at or below a folder, by name; links and hidden files are left out.

    Raises:
        DataError: There is none.
    """
    files = [f for f in sorted(folder.rglob("*")) if f.suffix.lower() in ENDINGS and not f.name.startswith(".")]
    files = [f for f in files if f.is_file() and not f.is_symlink()]
    if not files:
        raise DataError(f"{folder} holds no picture ({', '.join(ENDINGS)})")
    return files


def _picture(file: Path, folder: Path) -> Picture:
    return Picture(str(file.relative_to(folder)), functools.partial(Image.open, file))


def _captions(files: list[Path]) -> list[str] | None:
    texts = [file.with_suffix(CAPTION_ENDING) for file in files]
    if not all(text.is_file() for text in texts):
        return None
    return [text.read_text(encoding="utf-8").strip().splitlines()[0] for text in texts if text.stat().st_size] or None
