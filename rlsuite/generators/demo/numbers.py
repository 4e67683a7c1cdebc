"""The page's random numbers, for Python: same seed, same latent vectors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rlsuite.generators.streams import Prior

_WORD = np.uint64(0xFFFFFFFF)


def page_latents(n: int, length: int, prior: Prior, seed: int) -> Tensor:
    """The latent vectors of the page's random pictures of this seed, (n, length) float32.

    A counter (seed, picture, number) goes through MurmurHash3's finaliser; normal ones are Box-Muller's.
    """
    rows, columns = np.arange(n, dtype=np.uint64)[:, None], np.arange(length, dtype=np.uint64)[None, :]
    first = _uniform(seed, rows, 2 * columns)
    if prior == "uniform":
        return torch.from_numpy(2 * first - 1).float()
    second = _uniform(seed, rows, 2 * columns + 1)
    return torch.from_numpy(np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)).float()


def _uniform(seed: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    start = _mix(np.array(seed, np.uint64) & _WORD)
    return (_mix((_mix((start + rows) & _WORD) + columns) & _WORD) + 0.5) / 2.0**32


def _mix(h: np.ndarray) -> np.ndarray:
    h = h ^ (h >> np.uint64(16))
    h = (h * np.uint64(0x85EBCA6B)) & _WORD
    h = h ^ (h >> np.uint64(13))
    h = (h * np.uint64(0xC2B2AE35)) & _WORD
    return h ^ (h >> np.uint64(16))
