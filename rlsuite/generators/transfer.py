"""What an edit did to a generated picture, done to the real photograph: motion and colour flow along the morph.

Reference: Zhu, Krahenbuhl, Shechtman & Efros 2016, arXiv:1609.03552, section 4.2 and equation 7: a dense flow and an
affine change of colour from each frame of the morph to the next, both smooth; added up, and applied to the
photograph, so that its detail survives.
Deviation: the energy is minimised by Adam on coarse grids of flow and colour, not by iterated linear solves.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.images import check_images

FLOW_SMOOTH, COLOUR_SMOOTH, COLOUR_RIDGE = 0.01, 0.03, 1e-3
"""Weights of the smoothness of flow (pixels) and colour, and of staying near no change of colour at all."""
ITERATIONS, FLOW_RATE, COLOUR_RATE = 80, 0.1, 0.02
COARSE = 4
"""Side of a cell of the grids that are estimated, pixels."""


@dataclass(frozen=True)
class Change:
    """A picture made of another: ``after(p) = A(p) before(p + flow(p)) + b(p)``.

    Attributes:
        flow: (2, H, W): down and right, pixels.
        colour: (C, C + 1, H, W): A and, last, b.
    """

    flow: Tensor
    colour: Tensor

    @classmethod
    def nothing(cls, channels: int, size: tuple[int, int]) -> Change:
        """The change that changes nothing."""
        colour = torch.eye(channels, channels + 1)[:, :, None, None].repeat(1, 1, *size)
        return cls(torch.zeros(2, *size), colour)

    def apply(self, image: Tensor) -> Tensor:
        """The change of an image C x H x W of any size, in the same place; cut to [0, 1]."""
        h, w = image.shape[1:]
        scale = torch.tensor([h / self.flow.shape[1], w / self.flow.shape[2]])
        flow = _resized(self.flow, (h, w)) * scale[:, None, None]
        colour = _resized(self.colour.flatten(0, 1), (h, w)).view(*self.colour.shape[:2], h, w)
        return _recoloured(_moved(image, flow), colour).clamp(0, 1)

    def then(self, later: Change) -> Change:
        """This change, and the later one after it, as one."""
        c = self.colour.shape[0]
        moved = _moved(self.colour.flatten(0, 1), later.flow).view_as(self.colour)
        matrix = torch.einsum("ijhw,jkhw->ikhw", later.colour[:, :c], moved)  # A2 A1, and A2 b1 in the last column
        matrix[:, c] += later.colour[:, c]
        return Change(later.flow + _moved(self.flow, later.flow), matrix)


def estimate_change(before: Tensor, after: Tensor, *, iterations: int = ITERATIONS) -> Change:
    """The smooth change that makes ``after`` of ``before``, both C x H x W in [0, 1]; they should be alike.

    Raises:
        UserError: The pictures differ in shape.
    """
    check_images(before[None], what="before")
    if before.shape != after.shape:
        raise UserError(f"estimate_change: shapes {tuple(before.shape)} and {tuple(after.shape)} are not one")
    c, h, w = before.shape
    cells = (max(2, h // COARSE), max(2, w // COARSE))
    flow = torch.zeros(2, *cells, requires_grad=True)
    colour = torch.zeros(c * (c + 1), *cells, requires_grad=True)
    same = Change.nothing(c, (h, w)).colour
    optimizer = torch.optim.Adam(
        [{"params": [flow], "lr": FLOW_RATE}, {"params": [colour], "lr": COLOUR_RATE}], betas=(0.9, 0.99)
    )

    def fields() -> Change:
        return Change(_resized(flow, (h, w)), same + _resized(colour, (h, w)).view_as(same))

    for _ in range(iterations):
        change = fields()
        off = _recoloured(_moved(before, change.flow), change.colour) - after
        smooth = FLOW_SMOOTH * _roughness(flow) + COLOUR_SMOOTH * _roughness(colour)
        loss = off.square().mean() + smooth / 10 + COLOUR_RIDGE * colour.square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return fields()


def transfer_edit(frames: Tensor, photo: Tensor, *, iterations: int = ITERATIONS) -> Tensor:
    """Do to a photograph what happens along a morph.

    Args:
        frames: N x C x H x W in [0, 1]: the morph from the photograph's projection to the edit (`edits.morph`).
        photo: C x H' x W' in [0, 1], any size, the same view as the first frame.
        iterations: Of the search for each frame's change.

    Returns:
        N x C x H' x W': the photograph, and it changed as far as each frame is.

    Raises:
        UserError: Other channels, or no frame.
    """
    check_images(frames, what="frames")
    check_images(photo[None], channels=int(frames.shape[1]), what="the photograph")
    if not len(frames):
        raise UserError("transfer_edit: the morph has no frame")
    change = Change.nothing(int(frames.shape[1]), (int(frames.shape[2]), int(frames.shape[3])))
    made = [photo]
    for before, after in itertools.pairwise(frames):
        change = change.then(estimate_change(before, after, iterations=iterations))
        made.append(change.apply(photo))
    return torch.stack(made)


def _moved(image: Tensor, flow: Tensor) -> Tensor:
    """What lies at p + flow(p), bilinear; beyond the border its last pixel."""
    h, w = image.shape[1:]
    y = torch.arange(h)[:, None] + 0.5 + flow[0]
    x = torch.arange(w)[None, :] + 0.5 + flow[1]
    where = torch.stack([2 * x / w - 1, 2 * y / h - 1], dim=-1)
    return F.grid_sample(image[None], where[None], padding_mode="border", align_corners=False)[0]


def _recoloured(image: Tensor, colour: Tensor) -> Tensor:
    c = image.shape[0]
    return torch.einsum("ijhw,jhw->ihw", colour[:, :c], image) + colour[:, c]


def _resized(field: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(field[None], size=size, mode="bilinear", align_corners=False)[0]


def _roughness(field: Tensor) -> Tensor:
    """Mean squared difference of neighbours."""
    return field.diff(dim=1).square().mean() + field.diff(dim=2).square().mean()
