"""From any picture to one that a slot can show: size, seams, the dial from original to generated, palette, holes."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators import make_seamless, snap_palette
from rlsuite.skins.contracts import Pixels, Slot

FEW_COLOURS = 4
"""Palettes this small have no room for a faint picture: it is stretched to their range first."""


def fit(picture: Tensor, slot: Slot, dial: float = 1.0) -> Pixels:
    """A picture as a slot's.

    Args:
        picture: C x H x W in [0, 1], C of 1, 3 or 4 (its own alpha is dropped).
        slot: Where it goes.
        dial: 0 leaves the original, 1 takes the picture whole; between, the two are mixed.

    Raises:
        UserError: The dial lies outside [0, 1].
    """
    if not 0.0 <= dial <= 1.0:
        raise UserError(f"dial {dial}: 0 (the original) to 1 (the generated picture) is allowed")
    image = to_rgb(picture)[None]
    if slot.seamless and min(image.shape[2:]) > 2:
        image = make_seamless(image)
    image = cover(image, slot.size)
    if slot.palette is not None and len(slot.palette) <= FEW_COLOURS:
        image = stretch(image, slot.palette)
    original = torch.from_numpy(slot.original[..., :3].astype(np.float32) / 255).permute(2, 0, 1)[None]
    image = (dial * image + (1 - dial) * original).clamp(0, 1)
    if slot.palette is not None:
        image = snap_palette(image, torch.from_numpy(slot.palette.astype(np.float32) / 255))
    pixels = np.empty((*slot.size, 4), np.uint8)
    pixels[..., :3] = image[0].mul(255).round().permute(1, 2, 0).numpy()
    pixels[..., 3] = slot.original[..., 3]
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def to_rgb(picture: Tensor) -> Tensor:
    """C x H x W with C of 1, 3 or 4 as 3 x H x W; transparent parts take the solid parts' mean."""
    picture = picture.detach().cpu().float()
    if len(picture) == 1:
        return picture.expand(3, -1, -1)
    if len(picture) == 3:
        return picture
    colour, alpha = picture[:3], (picture[3:] > 0.5).float()
    mean = (colour * alpha).sum((1, 2), keepdim=True) / alpha.sum().clamp(min=1)
    return colour * alpha + mean * (1 - alpha)


def cover(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale a picture to a slot's short side and repeat it along the long one."""
    height, width = size
    side = min(height, width)
    mode = "area" if side < min(image.shape[2:]) else "bilinear"
    options = {} if mode == "area" else {"align_corners": False}
    scaled = F.interpolate(image, size=(side, side), mode=mode, **options)
    return scaled.repeat(1, 1, -(-height // side), -(-width // side))[..., :height, :width]


def stretch(image: Tensor, palette: np.ndarray) -> Tensor:
    """Stretch a picture's grey to the palette's range, so that each of its colours is used."""
    grey = image.mean(1, keepdim=True)
    low, high = float(palette.mean(1).min()) / 255, float(palette.mean(1).max()) / 255
    spread = (grey.max() - grey.min()).clamp(min=1e-6)
    return (low + (grey - grey.min()) / spread * (high - low)).expand(-1, 3, -1, -1)


def mix(picture: Pixels, slot: Slot, dial: float) -> Pixels:
    """A picture that fits a slot, mixed with the slot's original: 0 gives the original, 1 the picture, both exactly."""
    if dial in (0.0, 1.0):
        return slot.original.copy() if dial == 0.0 else picture.copy()
    mixed = dial * picture[..., :3].astype(np.float32) + (1 - dial) * slot.original[..., :3].astype(np.float32)
    image = torch.from_numpy(mixed / 255).permute(2, 0, 1)[None].clamp(0, 1)
    if slot.palette is not None:
        image = snap_palette(image, torch.from_numpy(slot.palette.astype(np.float32) / 255))
    pixels = slot.original.copy()
    pixels[..., :3] = image[0].mul(255).round().permute(1, 2, 0).numpy()
    pixels[pixels[..., 3] == 0] = 0
    return pixels
