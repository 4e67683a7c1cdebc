"""One integer seed, many named streams."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def seed_sequence(seed: int, name: str) -> np.random.SeedSequence:
    """The seed sequence of a named stream: the same for the same (seed, name) in any order of asking."""
    return np.random.SeedSequence(seed, spawn_key=(zlib.crc32(name.encode()),))


def stream_seed(seed: int, name: str) -> int:
    """A 63-bit integer seed of a named stream, for engines that take one integer."""
    return int(seed_sequence(seed, name).generate_state(1, np.uint64)[0] >> np.uint64(1))


def numpy_stream(seed: int, name: str) -> np.random.Generator:
    """A numpy generator of its own for ``name``, e.g. ``"demos"``."""
    return np.random.Generator(np.random.PCG64(seed_sequence(seed, name)))


def torch_stream(seed: int, name: str, device: str | torch.device = "cpu") -> torch.Generator:
    """A torch generator of its own for ``name``, on ``device``."""
    import torch

    return torch.Generator(device=device).manual_seed(stream_seed(seed, name))
