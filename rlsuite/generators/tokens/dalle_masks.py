"""Who sees whom: text first, then the picture's codes in raster order.

Reference: Ramesh et al. 2021, section 2.2 and appendix B.1: every code sees all text; among themselves the codes
see their column in layers where (i - 2) mod 4 is 0 and a row's length of codes before them in the others; the last
layer sees a window (a causal convolution's).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Pattern = Literal["row", "column", "window", "full"]


def pattern_of(layer: int, n_layers: int) -> Pattern:
    """What the codes of a layer see of each other; layers count from 1."""
    if layer == n_layers:
        return "window"
    return "column" if (layer - 2) % 4 == 0 else "row"


def attention_masks(n_layers: int, n_before: int, side: int, window: int = 11, *, full: bool = False) -> Tensor:
    """(layers, n, n) bool with n = n_before + side squared; ``full`` makes all layers plainly causal.

    Args:
        n_layers: Layers.
        n_before: Tokens before the picture: the start and the text.
        side: Codes of a row.
        window: Side of the last layer's window, odd.
        full: Every code sees all codes before it.
    """
    patterns = ["full" if full else pattern_of(i, n_layers) for i in range(1, n_layers + 1)]
    return torch.stack([layer_mask(p, n_before, side, window) for p in patterns])


def layer_mask(pattern: str, n_before: int, side: int, window: int = 11) -> Tensor:
    """One layer's mask."""
    n = n_before + side**2
    seen = torch.ones(n, n, dtype=torch.bool).tril()
    if pattern != "full":
        seen[n_before:, n_before:] &= _among_codes(pattern, side, window)
    return seen


def _among_codes(pattern: str, side: int, window: int) -> Tensor:
    place = torch.arange(side**2)
    row, column = place // side, place % side
    back = place[:, None] - place[None, :]
    if pattern == "column":
        return column[:, None] == column[None, :]
    if pattern == "row":
        return back < side
    near = (column[:, None] - column[None, :]).abs() <= window // 2
    return near & (row[:, None] - row[None, :] <= window // 2)
