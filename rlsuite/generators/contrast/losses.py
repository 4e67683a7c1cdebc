"""The contrastive loss, and what is read off a table of scores.

Reference: Radford et al. 2021, arXiv:2103.00020, figure 3; van den Oord et al. 2018, arXiv:1807.03748 (InfoNCE).
Deviation: of two pairs with the same caption neither is the other's wrong answer (``same``); the original's captions
hardly ever repeat.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce(images: Tensor, texts: Tensor, scale: Tensor | float, same: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of picking each image's text and each text's image, in nats.

    Where all similarities are equal it is ln n.

    Args:
        images: (n, width), of any length.
        texts: (n, width), row i belongs to image i.
        scale: Factor of the cosines, 1 / temperature.
        same: (n, n) bool, pairs that must not count as wrong; the diagonal is ignored.
    """
    scores = scale * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    if same is not None:
        own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        scores = scores.masked_fill(same & ~own, -torch.inf)
    right = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2


def ranks(scores: Tensor, right: Tensor) -> Tensor:
    """How many candidates score above the right one, (n,); equal scores count half, so that ties gain nothing.

    Args:
        scores: (n, candidates).
        right: (n,) the right candidate of each row.
    """
    own = scores.gather(1, right[:, None])
    above, equal = (scores > own).sum(dim=1), (scores == own).sum(dim=1) - 1
    return above + equal / 2


def top(scores: Tensor, right: Tensor, k: int) -> float:
    """Share of rows whose right candidate is among the k best."""
    return float((ranks(scores, right) < k).double().mean())
