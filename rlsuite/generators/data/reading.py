"""Pictures of any kind become one tensor; what cannot be read is counted and named, never fatal."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from rlsuite.errors import DataError
from rlsuite.generators.data.config import ImageSetConfig
from rlsuite.generators.images import to_channels

MOST_PIXELS = 50_000_000
"""Larger pictures are refused: two of openclipart's would fill the memory."""
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    IndexError,
    EOFError,
    struct.error,
    UnidentifiedImageError,
    Image.DecompressionBombError,
)
"""What broken files make Pillow and the decoders raise."""


@dataclass(frozen=True)
class Picture:
    """One picture of a set, not read yet.

    Attributes:
        name: For messages and groups.
        read: Opens it with Pillow.
    """

    name: str
    read: Callable[[], Image.Image]


@dataclass(frozen=True)
class Gathered:
    """Pictures that could be read.

    Attributes:
        images: uint8 N x C x S x S.
        rows: Which of the pictures they are.
        problems: What was wrong with the others.
    """

    images: Tensor
    rows: list[int]
    problems: list[str]


def gather(pictures: Sequence[Picture], config: ImageSetConfig, size: int, channels: int) -> Gathered:
    """Read pictures and bring them to one size.

    Args:
        pictures: Of the whole set; ``config.n_images`` of them are taken, evenly.
        config: How they are fitted.
        size: Side wanted.
        channels: 1, 3 or 4.

    Raises:
        DataError: None can be read.
    """
    arrays, rows, problems = [], [], []
    for row in evenly(len(pictures), config.n_images):
        picture = pictures[row]
        try:
            arrays.append(_prepared(picture, config, size, channels))
            rows.append(row)
        except BROKEN as error:
            problems.append(f"{picture.name}: {error}")
    if not arrays:
        told = "; ".join(problems[:3]) or "it holds none"
        raise DataError(f"data {config.id}: no picture can be read ({told})")
    if problems:
        shown = "; ".join(problems[:5]) + (" ..." if len(problems) > 5 else "")
        warnings.warn(
            f"data {config.id}: {len(problems)} pictures cannot be read and are left out: {shown}", stacklevel=2
        )
    stacked = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()
    return Gathered(stacked, rows, problems)


def evenly(n: int, most: int | None) -> Iterable[int]:
    """Row numbers of at most ``most`` of n, spread evenly."""
    return range(n) if most is None or most >= n else sorted({i * n // most for i in range(most)})


def _prepared(picture: Picture, config: ImageSetConfig, size: int, channels: int) -> np.ndarray:
    with picture.read() as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels are more than {MOST_PIXELS:,}")
        if image.mode.startswith("I;16") or image.mode == "I":  # 16-bit greys: Pillow would cut, not scale
            image = Image.fromarray((np.asarray(image).astype(np.float64) / 257).clip(0, 255).astype(np.uint8))
        return to_channels(fitted(image.convert("RGBA"), size, config.fit), channels, config.background)


def fitted(image: Image.Image, size: int, fit: str) -> Image.Image:
    """An RGBA picture as a square of this side."""
    w, h = image.size
    if fit == "crop":
        side = min(w, h)
        left, top = (w - side) // 2, (h - side) // 2
        image = image.crop((left, top, left + side, top + side))
    elif fit == "pad":
        side = max(w, h)
        square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
        square.paste(image, ((side - w) // 2, (side - h) // 2))
        image = square
    return image.resize((size, size), _filter(image.size, size))


def _filter(source: tuple[int, int], size: int) -> Image.Resampling:
    """Areas where pixels are lost, blocks where each becomes a whole number of pixels, smooth otherwise."""
    if max(source) >= size:
        return Image.Resampling.LANCZOS if max(source) > size else Image.Resampling.NEAREST
    return Image.Resampling.NEAREST if size % max(source) == 0 else Image.Resampling.BICUBIC
