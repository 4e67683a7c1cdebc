"""Images at the border: checked once, turned into bytes and files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rlsuite.errors import DataError, UserError

TOLERANCE = 1e-4
FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".gif")
"""Ends of the names of pictures that are written."""


def check_images(
    images: Tensor, *, size: tuple[int, int] | None = None, channels: int | None = None, what: str = "images"
) -> Tensor:
    """Refuse what is not float32 N x C x H x W in [0, 1].

    Args:
        images: To be checked.
        size: Height and width they must have; None for any.
        channels: How many they must have; None for 1, 3 or 4.
        what: Their name in the message.

    Raises:
        UserError: Wrong type, shape, size or range; the message says what was found.
    """
    if not isinstance(images, Tensor) or images.dtype != torch.float32:
        found = str(images.dtype) if isinstance(images, Tensor) else type(images).__name__
        raise UserError(f"{what}: float32 in [0, 1] is wanted, found {found}; bytes are divided by 255 first")
    if images.dim() != 4 or images.shape[1] not in (1, 3, 4):
        raise UserError(f"{what}: N x C x H x W with C of 1, 3 or 4 is wanted, found shape {tuple(images.shape)}")
    if channels is not None and images.shape[1] != channels:
        raise UserError(f"{what}: {channels} channels are wanted, found {images.shape[1]}")
    if size is not None and tuple(images.shape[2:]) != tuple(size):
        raise UserError(f"{what}: {size[0]}x{size[1]} pixels are wanted, found {images.shape[2]}x{images.shape[3]}")
    if images.numel():
        low, high = float(images.min()), float(images.max())
        if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # also refuses NaN
            raise UserError(f"{what}: values in [0, 1] are wanted, found {low:.3g} to {high:.3g}")
    return images


def to_bytes(images: Tensor) -> Tensor:
    """[0, 1] to uint8, rounded."""
    return images.detach().mul(255).round().clamp(0, 255).to(torch.uint8)


def from_bytes(images: Tensor) -> Tensor:
    """uint8 to float32 in [0, 1]."""
    return images.float() / 255


def grid(images: Tensor, columns: int | None = None, gap: int = 1, background: float = 1.0) -> Tensor:
    """Images side by side, row by row.

    Args:
        images: N x C x H x W in [0, 1].
        columns: Images a row; none: as square as it gets.
        gap: Pixels between them.
        background: Their grey.

    Returns:
        One image, C x H' x W'.
    """
    n, c, h, w = images.shape
    columns = columns or max(1, int(np.ceil(np.sqrt(n))))
    rows = -(-n // columns) if n else 1
    sheet = torch.full((c, rows * (h + gap) - gap, columns * (w + gap) - gap), background)
    for i, image in enumerate(images.detach().cpu().float()):
        y, x = (i // columns) * (h + gap), (i % columns) * (w + gap)
        sheet[:, y : y + h, x : x + w] = image
    return sheet


def film_strips(films: Tensor, rows: int = 6, columns: int = 6) -> Tensor:
    """The first films as rows of frames at even distances, one image C x H' x W'; films are N x T x C x H x W."""
    when = torch.linspace(0, films.shape[1] - 1, min(columns, films.shape[1])).round().long()
    return grid(films[:rows, when].flatten(0, 1), len(when))


def film_frames(films: Tensor, columns: int | None = None, scale: int = 1) -> Iterator[np.ndarray]:
    """The frames of a film of all films side by side, uint8 H' x W' x 3."""
    for t in range(films.shape[1]):
        yield to_pixels(grid(films[:, t], columns), scale)[..., :3]


def to_pixels(image: Tensor, scale: int = 1) -> np.ndarray:
    """One image C x H x W in [0, 1] as uint8 H x W x C (3 or 4 channels), each pixel ``scale`` pixels wide."""
    pixels = to_bytes(image).cpu().permute(1, 2, 0).numpy()
    pixels = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    return np.ascontiguousarray(pixels.repeat(scale, axis=0).repeat(scale, axis=1))


def write_png(path: Path, image: Tensor, scale: int = 1) -> Path:
    """Write one image C x H x W in [0, 1].

    Raises:
        UserError: The place cannot be written, or its name does not say which format.
    """
    from PIL import Image

    if path.suffix.lower() not in FORMATS:
        better, known = path.with_suffix(".png").name, ", ".join(FORMATS)
        raise UserError(f"{path}: a picture's name ends in {known}, not in '{path.suffix}'; try {better}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(to_pixels(image, scale)).save(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: the picture could not be written: {error}") from error
    return path


def read_image(path: Path, channels: int = 3) -> Tensor:
    """Read a picture as 1 x C x H x W in [0, 1]; transparent parts become white unless four channels are wanted.

    Raises:
        DataError: It cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        with Image.open(path) as picture:
            return from_bytes(torch.from_numpy(to_channels(picture, channels)).permute(2, 0, 1)[None].contiguous())
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise DataError(f"{path}: no picture can be read from it: {error}") from error


def to_channels(picture: object, channels: int, background: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    """A Pillow image as uint8 H x W x C; where alpha is dropped, ``background`` shines through."""
    from PIL import Image

    assert isinstance(picture, Image.Image)
    rgba = picture.convert("RGBA")
    if channels == 4:
        return np.asarray(rgba).copy()
    flat = Image.new("RGBA", rgba.size, (*background, 255))
    flat.alpha_composite(rgba)
    return np.array(flat.convert("L" if channels == 1 else "RGB")).reshape(rgba.height, rgba.width, channels)
