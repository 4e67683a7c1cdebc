"""The networks that draw and judge films.

Reference: Vondrick, Pirsiavash & Torralba 2016, arXiv:1609.02612, section 3 and the authors' program: kernels of 4,
steps of 2, batch norm (eps 1e-3), ReLU, leaky ReLU 0.2, weights N(0, 0.01).
Deviation: films need not be half as long as wide: where they are shorter, the layers next to the latent vector
leave the time as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rlsuite.generators.gan.networks import channels_at, n_stages

BASE = 4
"""Side of the smallest feature map."""
BASE_FRAMES = 2
"""Its frames, if films are not longer than that allows."""
DEVIATION, EPS = 0.01, 1e-3


@dataclass(frozen=True)
class FilmShape:
    """How films become smaller, step by step.

    Attributes:
        size: Side, pixels.
        n_frames: Frames.
        channels: Of each frame.
        width: Channels of the feature map next to the film.
    """

    size: int
    n_frames: int
    channels: int
    width: int

    @property
    def stages(self) -> int:
        """How often the side is halved."""
        return n_stages(self.size)

    @property
    def first_frames(self) -> int:
        """Frames of the smallest feature map."""
        return max(BASE_FRAMES, self.n_frames >> self.stages)

    def halves_time(self, stage: int) -> bool:
        """Whether the time is halved together with the side; stage 1 is next to the film."""
        return self.first_frames << stage <= self.n_frames

    def channels_at(self, stage: int) -> int:
        """Channels after ``stage`` halvings; stage 0 is the film."""
        return channels_at(self.width, stage) if stage else self.channels


class Drawn(NamedTuple):
    """A film and what it is made of; values of a one-stream model's mask are 1 and it has no background.

    Attributes:
        film: N x C x T x H x W in [-1, 1].
        mask: N x 1 x T x H x W in [0, 1]: where the foreground shows.
        background: N x C x H x W in [-1, 1], or None.
    """

    film: Tensor
    mask: Tensor
    background: Tensor | None


class LatentStem(nn.Module):
    """Latent vector to the smallest feature maps of both streams."""

    def __init__(self, latent: int, shape: FilmShape) -> None:
        super().__init__()
        self.top, self.frames = shape.channels_at(shape.stages), shape.first_frames
        self.moving = nn.Linear(latent, self.top * self.frames * BASE * BASE, bias=False)
        self.still = nn.Linear(latent, self.top * BASE * BASE, bias=False)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """(n, latent) to (n, top, t, 4, 4) and (n, top, 4, 4)."""
        moving = self.moving(latent).view(-1, self.top, self.frames, BASE, BASE)
        return moving, self.still(latent).view(-1, self.top, BASE, BASE)


class FrameStem(nn.Module):
    """First frame and latent vector to the same maps: the frame's own feature map, moved by the vector."""

    def __init__(self, latent: int, shape: FilmShape) -> None:
        super().__init__()
        wide = FilmShape(shape.size, shape.n_frames, shape.channels, 2 * shape.width)
        layers: list[nn.Module] = []
        for stage in range(1, wide.stages + 1):
            n_in, n_out = wide.channels_at(stage - 1), wide.channels_at(stage)
            layers += [nn.Conv2d(n_in, n_out, 4, 2, 1, bias=False), nn.BatchNorm2d(n_out, EPS), nn.ReLU(inplace=True)]
        self.look = nn.Sequential(*layers)
        top, seen = shape.channels_at(shape.stages), wide.channels_at(wide.stages)
        self.chance = nn.Linear(latent, seen * BASE * BASE, bias=False)
        self.moving = nn.ConvTranspose3d(seen, top, (shape.first_frames, 1, 1), bias=False)
        self.still = nn.Conv2d(seen, top, 1, bias=False)

    def forward(self, latent: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
        """(n, latent) and (n, C, H, W) in [-1, 1] to (n, top, t, 4, 4) and (n, top, 4, 4)."""
        seen = self.look(frame)
        seen = seen + self.chance(latent).view_as(seen)
        return self.moving(seen[:, :, None]), self.still(seen)


class FilmDecoder(nn.Module):
    """Stem, then two streams that a mask joins: m * foreground + (1 - m) * background.

    Args:
        stem: Makes the smallest feature maps.
        shape: Of the films.
        two: Whether there is a background stream.
    """

    def __init__(self, stem: nn.Module, shape: FilmShape, *, two: bool) -> None:
        super().__init__()
        self.stem = stem
        layers: list[nn.Module] = [nn.BatchNorm3d(shape.channels_at(shape.stages), EPS), nn.ReLU(inplace=True)]
        for stage in range(shape.stages, 1, -1):
            n_out = shape.channels_at(stage - 1)
            layers += [_up(shape, stage, n_out, bias=False), nn.BatchNorm3d(n_out, EPS), nn.ReLU(inplace=True)]
        self.moving = nn.Sequential(*layers)
        self.foreground = _up(shape, 1, shape.channels, bias=True)
        self.mask = _up(shape, 1, 1, bias=True) if two else None
        self.still = _background(shape) if two else None
        self.apply(init_weights)

    def forward(self, latent: Tensor, frame: Tensor | None = None) -> Drawn:
        """The films of these vectors (and first frames)."""
        moving, still = self.stem(latent) if frame is None else self.stem(latent, frame)
        features = self.moving(moving)
        film = torch.tanh(self.foreground(features))
        if self.mask is None or self.still is None:
            return Drawn(film, torch.ones_like(film[:, :1]), None)
        mask, background = torch.sigmoid(self.mask(features)), self.still(still)
        return Drawn(mask * film + (1 - mask) * background[:, :, None], mask, background)


class FilmJudge(nn.Module):
    """Film to a logit that is high for real ones."""

    def __init__(self, shape: FilmShape) -> None:
        super().__init__()
        layers: list[nn.Module] = [_down(shape, 1, bias=True), nn.LeakyReLU(0.2)]
        for stage in range(2, shape.stages + 1):
            norm = nn.BatchNorm3d(shape.channels_at(stage), EPS)
            layers += [_down(shape, stage, bias=False), norm, nn.LeakyReLU(0.2)]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(shape.channels_at(shape.stages) * shape.first_frames * BASE * BASE, 1)
        self.apply(init_weights)

    def forward(self, films: Tensor) -> Tensor:
        """(n, C, T, H, W) in [-1, 1] to (n,)."""
        return self.head(self.features(films).flatten(1)).squeeze(1)


def init_weights(module: nn.Module) -> None:
    """N(0, 0.01) for weights, N(1, 0.01) for the scales of batch norm, zero for biases."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Conv3d, nn.ConvTranspose3d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, DEVIATION)
    elif isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
        nn.init.normal_(module.weight, 1.0, DEVIATION)
    bias = getattr(module, "bias", None)
    if isinstance(bias, Tensor):
        nn.init.zeros_(bias)


def _background(shape: FilmShape) -> nn.Module:
    """The smallest map to a picture in [-1, 1]."""
    layers: list[nn.Module] = [nn.BatchNorm2d(shape.channels_at(shape.stages), EPS), nn.ReLU(inplace=True)]
    for stage in range(shape.stages, 0, -1):
        n_in, n_out = shape.channels_at(stage), shape.channels_at(stage - 1)
        layers.append(nn.ConvTranspose2d(n_in, n_out, 4, 2, 1, bias=stage == 1))
        layers += [nn.BatchNorm2d(n_out, EPS), nn.ReLU(inplace=True)] if stage > 1 else [nn.Tanh()]
    return nn.Sequential(*layers)


def _up(shape: FilmShape, stage: int, n_out: int, *, bias: bool) -> nn.Module:
    """Doubles the side, and the time where the shape says so."""
    kernel, step, pad = _time(shape, stage)
    n_in = shape.channels_at(stage)
    return nn.ConvTranspose3d(n_in, n_out, (kernel, 4, 4), (step, 2, 2), (pad, 1, 1), bias=bias)


def _down(shape: FilmShape, stage: int, *, bias: bool) -> nn.Module:
    """Halves them."""
    kernel, step, pad = _time(shape, stage)
    n_in, n_out = shape.channels_at(stage - 1), shape.channels_at(stage)
    return nn.Conv3d(n_in, n_out, (kernel, 4, 4), (step, 2, 2), (pad, 1, 1), bias=bias)


def _time(shape: FilmShape, stage: int) -> tuple[int, int, int]:
    """Kernel, step and padding along the time."""
    return (4, 2, 1) if shape.halves_time(stage) else (3, 1, 1)
