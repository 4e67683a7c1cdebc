"""Tiles cut out of larger pictures at their own resolution: what a generator of tiles learns from."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from rlsuite.errors import DataError
from rlsuite.generators.data.config import TilesConfig
from rlsuite.generators.data.folder import find_pictures, named_folder
from rlsuite.generators.data.freedoom import LICENCE, SOURCE, find_wads, wad_pictures
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.data.reading import BROKEN, MOST_PIXELS, Picture, evenly
from rlsuite.generators.images import to_channels

PLAIN = 0.02
"""Tiles whose pixels deviate by less than this (of 1) show nothing and are left out."""


def make(config: TilesConfig, size: int, channels: int) -> ImageSet:
    """Every distinct tile of a folder's pictures (``path``), or of Freedoom's textures if there is none.

    Raises:
        DataError: No tile was found.
    """
    pictures, source, licence = _pictures(config)
    tiles, names, problems = [], [], []
    seen: set[bytes] = set()
    for picture in pictures:
        try:
            cut = _cut(picture, config, size, channels)
        except BROKEN as error:
            problems.append(f"{picture.name}: {error}")
            continue
        for i, tile in enumerate(cut):
            content = tile.tobytes()
            if content not in seen and tile[..., :3].std() / 255 >= PLAIN:
                seen.add(content)
                tiles.append(tile)
                names.append(f"{picture.name}#{i}")
    if not tiles:
        told = "; ".join(problems[:3]) or f"no picture holds {size}x{size} pixels that show something"
        raise DataError(f"data {config.id}: no tile was found ({told})")
    rows = list(evenly(len(tiles), config.n_images))
    images = torch.from_numpy(np.stack([tiles[i] for i in rows])).permute(0, 3, 1, 2).contiguous()
    return ImageSet(config.id, images, [names[i] for i in rows], licence=licence, source=source, problems=problems)


def _pictures(config: TilesConfig) -> tuple[Sequence[Picture], str, str]:
    if config.path is None:
        unique = {p.name: p for wad in find_wads() for p in wad_pictures(wad, "textures")}
        return list(unique.values()), SOURCE, LICENCE
    folder = named_folder(config)
    files = find_pictures(folder)
    found = [Picture(str(f.relative_to(folder)), functools.partial(Image.open, f)) for f in files]
    return found, str(folder), "the user's own"


def _cut(picture: Picture, config: TilesConfig, size: int, channels: int) -> list[np.ndarray]:
    """A picture's whole tiles, row by row, uint8 (size, size, channels) each."""
    with picture.read() as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels are more than {MOST_PIXELS:,}")
        small = (image.width // config.shrink, image.height // config.shrink)
        if min(small) < 1:
            return []
        image = image.convert("RGBA")
        image = image if config.shrink == 1 else image.resize(small, Image.Resampling.BOX)
        pixels = to_channels(image, channels, config.background)
    dy, dx = config.offset
    return [
        np.ascontiguousarray(pixels[y : y + size, x : x + size])
        for y in range(dy, pixels.shape[0] - size + 1, size)
        for x in range(dx, pixels.shape[1] - size + 1, size)
    ]
