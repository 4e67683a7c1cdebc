"""Freedoom's flats, wall patches and sprites, read out of the WADs that the vizdoom package brings (BSD-3).

Reference: the Doom WAD format (directory, flats of 64x64 palette indices, pictures as columns of posts).
"""

from __future__ import annotations

import functools
import importlib.util
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rlsuite.errors import DataError, MissingExtraError
from rlsuite.generators.data.config import ImageSetConfig
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.data.reading import Picture, gather

WADS = ("freedoom1.wad", "freedoom2.wad")
FLAT = 64
"""Side of a flat, pixels."""
END_OF_COLUMN = 255
SOURCE = "Freedoom, from the vizdoom package"
LICENCE = "BSD-3-Clause"
MARKERS = {"textures": (("F", "flat"), ("P", "picture")), "sprites": (("S", "picture"),)}


def make(config: ImageSetConfig, size: int, channels: int) -> ImageSet:
    """``freedoom/textures``: flats, and patches of at least 32 pixels without holes; ``freedoom/sprites``: creatures,
    items and weapons (their background transparent).

    Raises:
        MissingExtraError: vizdoom is not installed.
        DataError: A WAD is broken.
    """
    what = config.id.rpartition("/")[2]
    pictures = [p for wad in find_wads() for p in wad_pictures(wad, what)]
    unique = {p.name: p for p in pictures}  # both WADs share most of them
    chosen = list(unique.values())
    found = gather(chosen, config, size, channels)
    names = [chosen[row].name for row in found.rows]
    kinds = [name.partition("#")[0] for name in names]
    return ImageSet(
        config.id,
        found.images,
        names,
        labels={"kind": kinds} if what == "sprites" else {},
        licence=LICENCE,
        source=SOURCE,
        problems=found.problems,
    )


def find_wads() -> list[Path]:
    """The WADs of the vizdoom package.

    Raises:
        MissingExtraError: It is not installed.
    """
    found = importlib.util.find_spec("vizdoom")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("Freedoom's pictures", "doom", "no module named vizdoom")
    return [Path(place) / name for place in found.submodule_search_locations for name in WADS]


def palette(wad: Path | None = None) -> torch.Tensor:
    """Doom's 256 colours, (256, 3) in [0, 1]."""
    lumps = dict(_lumps((wad or find_wads()[0]).read_bytes()))
    return torch.from_numpy(_palette(lumps)).float() / 255


def wad_pictures(wad: Path, what: str) -> Iterator[Picture]:
    """The pictures between a WAD's markers.

    Raises:
        DataError: It is no WAD, or cut short.
    """
    data = wad.read_bytes()
    lumps = list(_lumps(data))
    colours = _palette(dict(lumps))
    for letter, kind in MARKERS[what]:
        inside = False
        for name, content in lumps:
            if name.endswith(("_START", "_END")) and name.startswith(letter):
                inside = name.endswith("_START")
            elif inside and content and _wanted(content, what, kind):
                read = functools.partial(_flat if kind == "flat" else _picture, content, colours)
                yield Picture(f"{name[:4]}#{name[4:]}" if what == "sprites" else name, read)


def _wanted(content: bytes, what: str, kind: str) -> bool:
    """Whether a lump is a picture worth learning from."""
    if kind == "flat":
        return len(content) == FLAT * FLAT
    if content[:4] == b"\x89PNG":
        return True
    w, h = struct.unpack("<HH", content[:4])
    if not (8 <= w <= 512 and 8 <= h <= 512):
        return False
    return what == "sprites" or (min(w, h) >= 32 and len(content) >= w * h)  # fewer bytes than pixels: it has holes


def _lumps(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data[:4] not in (b"IWAD", b"PWAD"):
        raise DataError("a WAD of the vizdoom package does not begin with IWAD or PWAD; install vizdoom anew")
    _, count, offset = struct.unpack("<4sii", data[:12])
    if offset + 16 * count > len(data):
        raise DataError("a WAD of the vizdoom package is cut short; install vizdoom anew")
    for i in range(count):
        start, length, name = struct.unpack("<ii8s", data[offset + 16 * i : offset + 16 * i + 16])
        yield name.rstrip(b"\0").decode("ascii", "replace"), data[start : start + length]


def _palette(lumps: dict[str, bytes]) -> np.ndarray:
    return np.frombuffer(lumps["PLAYPAL"][:768], np.uint8).reshape(256, 3)


def _flat(content: bytes, colours: np.ndarray) -> Image.Image:
    return Image.fromarray(colours[np.frombuffer(content, np.uint8).reshape(FLAT, FLAT)])


def _picture(content: bytes, colours: np.ndarray) -> Image.Image:
    """A picture stored as columns, each a list of posts (top, length, padding, pixels, padding)."""
    if content[:4] == b"\x89PNG":
        return Image.open(io.BytesIO(content))
    w, h = struct.unpack("<HH", content[:4])
    pixels = np.zeros((h, w, 4), np.uint8)
    for x, place in enumerate(struct.unpack(f"<{w}I", content[8 : 8 + 4 * w])):
        last = -1
        while content[place] != END_OF_COLUMN:
            top = last + content[place] if content[place] <= last else content[place]  # tall pictures count on
            length, last = content[place + 1], top
            column = np.frombuffer(content, np.uint8, length, place + 3)[: max(0, h - top)]
            pixels[top : top + len(column), x, :3] = colours[column]
            pixels[top : top + len(column), x, 3] = 255
            place += length + 4
    return Image.fromarray(pixels)
