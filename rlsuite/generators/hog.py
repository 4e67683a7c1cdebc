"""Histograms of oriented gradients that gradients flow through: what a sketch and a picture have in common.

Reference: Dalal & Triggs 2005 (cells, orientations, normalisation); Zhu et al. 2016, arXiv:1609.03552, section 4.1.
Deviation: orientations are binned softly (a raised cosine over neighbouring bins), cells do not overlap.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ORIENTATIONS = 8
_SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def hog(images: Tensor, cell: int) -> Tensor:
    """Oriented edges in each cell.

    Args:
        images: N x C x H x W in [0, 1].
        cell: Side of a cell, pixels.

    Returns:
        N x 8 x H/cell x W/cell; each cell's vector has a length below 1, and near 0 where nothing is to be seen.
    """
    grey = images.mean(dim=1, keepdim=True)
    x = torch.tensor(_SOBEL, dtype=images.dtype, device=images.device)
    kernel = torch.stack([x, x.T])[:, None] / 8
    gradient = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernel)
    gx, gy = gradient[:, 0], gradient[:, 1]
    strength = (gx.square() + gy.square() + 1e-8).sqrt()
    # cos of twice the angle: an edge and its reverse are the same edge
    cos2, sin2 = (gx.square() - gy.square()) / strength.square(), 2 * gx * gy / strength.square()
    bins = torch.arange(ORIENTATIONS, dtype=images.dtype, device=images.device) * (2 * torch.pi / ORIENTATIONS)
    closeness = cos2[:, None] * bins.cos()[:, None, None] + sin2[:, None] * bins.sin()[:, None, None]
    votes = strength[:, None] * ((1 + closeness) / 2) ** 4
    cells = F.avg_pool2d(votes, cell)
    return cells / (cells.square().sum(dim=1, keepdim=True) + 1e-3).sqrt()
