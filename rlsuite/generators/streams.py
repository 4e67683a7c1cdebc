"""Random draws that depend on a seed and on nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from rlsuite.runs.seeding import numpy_stream, stream_seed

Prior = Literal["uniform", "normal"]


@contextlib.contextmanager
def seeded_weights(seed: int, name: str) -> Iterator[None]:
    """Draw initial weights inside from a stream of their own; torch's global stream stays where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, f"weights/{name}"))
        yield


def draw_latent(n: int, length: int, prior: Prior, seed: int) -> Tensor:
    """N latent vectors, (n, length) float32; the first ones are the same for every n."""
    stream = numpy_stream(seed, "latent")
    values = stream.uniform(-1, 1, (n, length)) if prior == "uniform" else stream.standard_normal((n, length))
    return torch.from_numpy(values).float()


def noise(shape: tuple[int, ...], prior: Prior, generator: torch.Generator) -> Tensor:
    """Latent vectors of a training step, on the generator's device."""
    if prior == "normal":
        return torch.randn(shape, generator=generator, device=generator.device)
    return torch.rand(shape, generator=generator, device=generator.device).mul_(2).sub_(1)
