"""What any generator that `Decodes` can be asked for: interpolation, corner grids, arithmetic, walks, selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Decodes, Ranks, Samples
from rlsuite.generators.gan.decoder import decode_all
from rlsuite.generators.streams import draw_latent

CORNER_NUMBERS = 3
"""Numbers that place one corner of a corner grid."""


def interpolate(
    decodes: Decodes, start: Tensor, end: Tensor, n: int, *, path: Literal["linear", "spherical"] = "linear"
) -> Tensor:
    """N images from one latent vector to another, both ends included.

    Args:
        decodes: The generator.
        start: (latent,)
        end: (latent,)
        n: How many.
        path: ``spherical`` keeps the length on the way, for normal priors.

    Returns:
        n x C x H x W, on the CPU.
    """
    return decode_all(decodes, blend(start, end, torch.linspace(0, 1, n), path=path))


def blend(start: Tensor, end: Tensor, share: Tensor, *, path: Literal["linear", "spherical"] = "linear") -> Tensor:
    """Latent vectors between two, at these shares of the way: (n, latent)."""
    t = share[:, None]
    if path == "linear":
        return start[None] * (1 - t) + end[None] * t
    a, b = start / start.norm(), end / end.norm()
    angle = torch.arccos((a @ b).clamp(-1, 1))
    if float(angle) < 1e-4:
        return start[None] * (1 - t) + end[None] * t
    weights = torch.sin((1 - t) * angle) / torch.sin(angle), torch.sin(t * angle) / torch.sin(angle)
    return weights[0] * start[None] + weights[1] * end[None]


def corner_latents(corners: Tensor, n: int, latent: int, seed: int = 0) -> Tensor:
    """Latent vectors of a grid whose corners are placed by three numbers each.

    The three numbers go through a fixed Gaussian projection (znado's Pusheen demo); between the corners the
    vectors are bilinear.

    Args:
        corners: (4, 3): top left, top right, bottom left, bottom right. Keep the numbers small, -1 to 1.
        n: Rows and columns.
        latent: Length of a latent vector.
        seed: Of the projection.

    Returns:
        (n * n, latent), row by row.
    """
    if tuple(corners.shape) != (4, CORNER_NUMBERS):
        raise UserError(f"a corner grid wants 4 corners of {CORNER_NUMBERS} numbers, got {tuple(corners.shape)}")
    projection = draw_latent(latent, CORNER_NUMBERS, "normal", seed)  # (latent, 3)
    top_left, top_right, bottom_left, bottom_right = (corners.float() @ projection.T).unbind()
    share = torch.linspace(0, 1, n)
    left, right = blend(top_left, bottom_left, share), blend(top_right, bottom_right, share)
    return torch.cat([blend(a, b, share) for a, b in zip(left, right, strict=True)])


def corner_grid(decodes: Any, corners: Tensor, n: int = 5, seed: int = 0) -> Tensor:
    """The images of `corner_latents`, n * n x C x H x W, row by row."""
    return decode_all(decodes, corner_latents(corners, n, decodes.spec.latent, seed))


def arithmetic(plus: Sequence[Tensor], minus: Sequence[Tensor] = ()) -> Tensor:
    """Sum of the means of the concepts in ``plus``, less those in ``minus``.

    A concept is the latent vectors of a few exemplars, (k, latent); three are usual (Radford et al. 2016,
    section 6.3.2): smiling woman - neutral woman + neutral man.

    Returns:
        (latent,)
    """
    if not plus:
        raise UserError("arithmetic: at least one concept must be added")
    total = torch.stack([concept.mean(dim=0) for concept in plus]).sum(dim=0)
    return total - torch.stack([concept.mean(dim=0) for concept in minus]).sum(dim=0) if minus else total


def neighbours(latent: Tensor, n: int, spread: float = 0.25, seed: int = 0) -> Tensor:
    """The vector itself and n - 1 uniformly noised ones around it, (n, latent)."""
    noise = draw_latent(n, len(latent), "uniform", seed) * spread
    if n:
        noise[0] = 0
    return latent[None] + noise


def walk(start: Tensor, direction: Tensor, n: int, reach: float = 1.0) -> Tensor:
    """N vectors from ``start - reach * direction`` to ``start + reach * direction`` (the turn vector), (n, latent)."""
    return start[None] + torch.linspace(-reach, reach, n)[:, None] * direction[None]


def best_of(samples: Samples, ranks: Ranks, n: int, k: int, *, seed: int, condition: Any = None) -> Tensor:
    """The k of n samples that ``ranks`` scores highest, best first (512 -> 32 in DALL-E).

    Raises:
        UserError: k is more than n.
    """
    if not 0 <= k <= n:
        raise UserError(f"best_of: {k} of {n} samples were asked for; k lies between 0 and n")
    images = samples.sample(n, seed=seed, condition=condition)
    order = ranks.score(images, condition).argsort(descending=True, stable=True)
    return images[order[:k]]
