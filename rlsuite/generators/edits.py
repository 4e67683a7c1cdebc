"""Interactive edits of generated pictures: constraints on colour, edges and place become a search in latent space.

Reference: Zhu, Krahenbuhl, Shechtman & Efros 2016, arXiv:1609.03552, section 4; weights and schedule of the authors'
program: colour 1, edges 0.2, nearness 5; Adam 0.1, 40 iterations from 64 starts. Works with any decoder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.gan.decoder import decode_all
from rlsuite.generators.hog import hog
from rlsuite.generators.images import check_images
from rlsuite.generators.latents import blend
from rlsuite.generators.streams import draw_latent

EDGE_WEIGHT, NEAR_WEIGHT = 0.2, 5.0
LEARNING_RATE, ITERATIONS, STARTS, START_SPREAD = 0.1, 40, 64, 0.5
BOUND = 0.98


@dataclass(frozen=True)
class Constraints:
    """What an edited picture shall look like; what is None is free.

    Attributes:
        colour: C x H x W in [0, 1]: the colours wanted where ``colour_mask`` is 1.
        colour_mask: 1 x H x W of 0 and 1: where the brush went.
        edges: 1 x H x W in [0, 1]: a sketch, 1 on its lines.
        edge_mask: 1 x H x W of 0 and 1: where the sketch counts; None: within a cell of its lines.
        near: Weight of staying near the start.
    """

    colour: Tensor | None = None
    colour_mask: Tensor | None = None
    edges: Tensor | None = None
    edge_mask: Tensor | None = None
    near: float = NEAR_WEIGHT

    def check(self, size: tuple[int, int], channels: int) -> None:
        """Refuse constraints of another size, or none at all.

        Raises:
            UserError: They are.
        """
        if self.colour is None and self.edges is None:
            raise UserError("edit: no constraint was given; paint colours or sketch edges")
        if (self.colour is None) != (self.colour_mask is None):
            raise UserError("edit: colour and colour_mask belong together; one of them is missing")
        for name, value, c in (
            ("colour", self.colour, channels),
            ("colour_mask", self.colour_mask, 1),
            ("edges", self.edges, 1),
            ("edge_mask", self.edge_mask, 1),
        ):
            if value is not None:
                if value.dim() != 3:
                    raise UserError(f"edit: {name} of shape {c} x H x W is wanted, found {tuple(value.shape)}")
                check_images(value[None], size=size, channels=c, what=f"edit: {name}")


@dataclass(frozen=True)
class Candidates:
    """Answers to an edit, best first.

    Attributes:
        latent: (n, latent)
        images: n x C x H x W
        cost: (n,), lower is better.
        start: The latent vector the edit began at, or None.
    """

    latent: Tensor
    images: Tensor
    cost: Tensor
    start: Tensor | None


def edit(
    decodes: Any,
    start: Tensor | None,
    constraints: Constraints,
    *,
    n: int = 16,
    seed: int = 0,
    n_starts: int = STARTS,
    iterations: int = ITERATIONS,
) -> Candidates:
    """Search for pictures that keep the constraints and stay near the start.

    Args:
        decodes: A generator that `Decodes`.
        start: (latent,): the picture that is edited; None searches from random pictures.
        constraints: What is wanted.
        n: Most candidates kept; those that cost more than twice the mean of the better half are dropped.
        seed: Of the starts.
        n_starts: Searches side by side.
        iterations: Of Adam.

    Raises:
        UserError: The constraints do not fit the generator.
    """
    if decodes.spec.n_frames is not None:
        raise UserError(f"edit: a {decodes.spec.kind} draws films; constraints are for still images")
    constraints.check(decodes.spec.size, decodes.spec.channels)
    if n < 1 or n_starts < n:
        raise UserError(f"edit: {n} candidates of {n_starts} starts were asked for; 1 to {n_starts} are possible")
    bounded = decodes.config.prior == "uniform"
    near = replace(constraints, near=0.0) if start is None else constraints
    free = _starts(decodes, start, n_starts, seed, bounded).requires_grad_(True)
    optimizer = torch.optim.Adam([free], LEARNING_RATE, betas=(0.9, 0.999))
    for _ in range(iterations):
        loss = _cost(decodes, torch.tanh(free) if bounded else free, start, near).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=[free])
        optimizer.step()
    with torch.no_grad():
        latent = torch.tanh(free) if bounded else free.detach()
        cost = _cost(decodes, latent, start, near)
    order = cost.argsort(stable=True)[:n]
    better_half = cost.sort().values[: max(1, n_starts // 2)].mean()
    order = order[cost[order] <= 2 * better_half]
    return Candidates(latent[order], decode_all(decodes, latent[order]), cost[order], start)


def morph(decodes: Any, start: Tensor, end: Tensor, n: int = 16) -> Tensor:
    """The way from the original to the edit, n x C x H x W."""
    return decode_all(decodes, blend(start, end, torch.linspace(0, 1, n)))


def warp(image: Tensor, grip: tuple[int, int], target: tuple[int, int], size: int = 24) -> Constraints:
    """The constraint of dragging a patch: its colours and edges shall appear elsewhere.

    Args:
        image: C x H x W in [0, 1].
        grip: Middle of the patch (row, column).
        target: Where its middle shall be.
        size: Side of the patch, pixels.

    Raises:
        UserError: A place lies outside the picture.
    """
    _, h, w = image.shape
    for name, (y, x) in (("grip", grip), ("target", target)):
        if not (0 <= y < h and 0 <= x < w):
            raise UserError(f"warp: {name} ({y}, {x}) lies outside the picture of {h}x{w}")
    moved = image.roll((target[0] - grip[0], target[1] - grip[1]), dims=(1, 2))
    mask, half = torch.zeros(1, h, w), size // 2
    mask[:, max(0, target[0] - half) : target[0] + half, max(0, target[1] - half) : target[1] + half] = 1
    grey = moved.mean(dim=0, keepdim=True)
    return Constraints(colour=moved, colour_mask=mask, edges=grey, edge_mask=mask)


def _starts(decodes: Any, start: Tensor | None, n: int, seed: int, bounded: bool) -> Tensor:
    if start is None:
        found = decodes.latent(n, seed)
    else:
        found = start[None] + START_SPREAD * draw_latent(n, len(start), "normal", seed)
        found[0] = start
    return torch.atanh(found.clamp(-BOUND, BOUND)) if bounded else found


def _cost(decodes: Any, latent: Tensor, start: Tensor | None, constraints: Constraints) -> Tensor:
    """What each latent vector costs, (n,)."""
    images = decodes.decode(latent).cpu()
    cost = torch.zeros(len(images))
    if constraints.colour is not None and constraints.colour_mask is not None:
        mask = constraints.colour_mask
        off = (images - constraints.colour).square() * mask
        cost = cost + off.sum(dim=(1, 2, 3)) / (mask.sum().clamp(min=1) * images.shape[1])
    if constraints.edges is not None:
        cost = cost + EDGE_WEIGHT * _edge_cost(images, constraints)
    if start is not None and constraints.near:
        cost = cost + constraints.near * (latent - start).square().mean(dim=1)
    return cost


def _edge_cost(images: Tensor, constraints: Constraints) -> Tensor:
    assert constraints.edges is not None
    cell = max(2, images.shape[-1] // 8)
    wanted = hog(constraints.edges[None], cell)
    given = constraints.edge_mask if constraints.edge_mask is not None else (constraints.edges > 0.1).float()
    mask = torch.nn.functional.max_pool2d(given[None], cell)
    off = (hog(images, cell) - wanted).square().sum(dim=1, keepdim=True) * mask
    return off.sum(dim=(1, 2, 3)) / mask.sum().clamp(min=1)
