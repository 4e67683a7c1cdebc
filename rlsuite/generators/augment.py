"""Random changes of images: those the model shall learn (flip, turn, zoom) and DiffAugment, which it shall not.

Reference: Zhao, Liu, Lin, Zhu & Han 2020, "Differentiable augmentation for data-efficient GAN training",
arXiv:2006.10738, section 3 (colour, translation by an eighth, cut-out of half the side).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from rlsuite.generators.config import AugmentConfig

TRANSLATION, CUTOUT = 1 / 8, 1 / 2


def augment(images: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Flip, turn, zoom and shift each image by an amount of its own.

    Args:
        images: N x C x H x W, any range.
        config: How much of each.
        generator: On the images' device.
    """
    if config.flip:
        mirrored = torch.rand(len(images), generator=generator, device=images.device) < 0.5
        images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
    if not (config.rotate or config.zoom or config.shift):
        return images
    n = len(images)
    angle, zoom, dx, dy = (torch.rand((4, n), generator=generator, device=images.device) * 2 - 1).unbind()
    angle, scale = angle * (config.rotate * torch.pi / 180), 1 + zoom * config.zoom
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    shift = 2 * config.shift
    theta = torch.stack([cos, -sin, dx * shift, sin, cos, dy * shift], dim=1).view(n, 2, 3)
    where = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, where, padding_mode="border", align_corners=False)


def diff_augment(images: Tensor, policies: Sequence[str], generator: torch.Generator) -> Tensor:
    """DiffAugment: gradients flow through, so generated images are judged as they look after it.

    Args:
        images: N x C x H x W in [-1, 1].
        policies: Of ``colour``, ``translation``, ``cutout``; applied in this order.
        generator: On the images' device.
    """
    for name in ("colour", "translation", "cutout"):
        if name in policies:
            images = _POLICIES[name](images, generator)
    return images


def _uniform(n: int, generator: torch.Generator) -> Tensor:
    return torch.rand((n, 1, 1, 1), generator=generator, device=generator.device)


def _colour(images: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness +-0.5, saturation x [0, 2], contrast x [0.5, 1.5]."""
    n = len(images)
    images = images + (_uniform(n, generator) - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * (2 * _uniform(n, generator))
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (_uniform(n, generator) + 0.5)


def _translation(images: Tensor, generator: torch.Generator) -> Tensor:
    """Move by whole pixels up to an eighth of the side; black comes in."""
    n, _, h, w = images.shape
    device = images.device
    dy = _whole(n, round(h * TRANSLATION), generator)
    dx = _whole(n, round(w * TRANSLATION), generator)
    rows = torch.arange(h, device=device)[None, :, None] + dy[:, None, None]
    columns = torch.arange(w, device=device)[None, None, :] + dx[:, None, None]
    inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)
    index = (rows.clamp(0, h - 1) * w + columns.clamp(0, w - 1)).view(n, 1, h * w).expand(-1, images.shape[1], -1)
    moved = images.flatten(2).gather(2, index).view_as(images)
    return moved * inside[:, None]


def _whole(n: int, most: int, generator: torch.Generator) -> Tensor:
    return torch.randint(-most, most + 1, (n,), generator=generator, device=generator.device)


def _cutout(images: Tensor, generator: torch.Generator) -> Tensor:
    """Black out a square of half the side, its centre anywhere."""
    n, _, h, w = images.shape
    device = images.device
    cy = torch.randint(0, h + 1, (n, 1, 1), generator=generator, device=device)
    cx = torch.randint(0, w + 1, (n, 1, 1), generator=generator, device=device)
    rows, columns = torch.arange(h, device=device)[None, :, None], torch.arange(w, device=device)[None, None, :]
    half_h, half_w = round(h * CUTOUT / 2), round(w * CUTOUT / 2)
    down, right = rows - cy, columns - cx
    hidden = (down >= -half_h) & (down < half_h) & (right >= -half_w) & (right < half_w)
    return images * ~hidden[:, None]


_POLICIES = {"colour": _colour, "translation": _translation, "cutout": _cutout}
