"""BEGAN's networks: a generator, and an autoencoder that judges by how well it rebuilds.

Reference: Berthelot, Schumm & Metz 2017, arXiv:1703.10717, sections 3.5 and 4 and figure 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BASE = 8
"""Side of the smallest feature map."""


def n_resolutions(size: int) -> int:
    """Resolutions from 8 to the image's side."""
    return size.bit_length() - BASE.bit_length() + 1


class CarryConv(nn.Module):
    """3x3 convolution, ELU, and a residual that vanishes: carry * x + (1 - carry) * out where shapes agree."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.same = n_in == n_out

    def forward(self, x: Tensor, carry: Tensor | None) -> Tensor:
        """The layer's output; ``carry`` is a 0-d tensor, or None once it has vanished for good."""
        out = F.elu(self.conv(x), inplace=True)
        return torch.lerp(out, x, carry.to(out.dtype)) if self.same and carry is not None else out


class BeganDecoder(nn.Module):
    """Code to image, nominally in [-1, 1] (linear output).

    Args:
        code: Length of the input.
        size: Side of the image.
        channels: Of the image.
        width: Channels of every layer.
        layers: Convolutions at each resolution.
        skip: Lay the first map, enlarged, beside the input of each later resolution.
        carry: Whether residuals carry (their weight is the buffer ``carry``).
    """

    def __init__(
        self, code: int, size: int, channels: int, width: int, layers: int, *, skip: bool, carry: bool
    ) -> None:
        super().__init__()
        self.width, self.skip, self.carries = width, skip, carry
        self.register_buffer("carry", torch.tensor(1.0 if carry else 0.0))
        self.project = nn.Linear(code, width * BASE * BASE)
        stages = []
        for i in range(n_resolutions(size)):
            first = 2 * width if skip and i else width
            stages.append(nn.ModuleList([CarryConv(first if j == 0 else width, width) for j in range(layers)]))
        self.stages = nn.ModuleList(stages)
        self.paint = nn.Conv2d(width, channels, 3, padding=1)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  (a seventh faster on the CPU)

    def forward(self, code: Tensor) -> Tensor:
        """(n, code) to (n, channels, size, size)."""
        carry = self.carry if self.carries else None
        first = x = self.project(code).view(-1, self.width, BASE, BASE)
        for i, stage in enumerate(self.stages):
            if i:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
                if self.skip:
                    x = torch.cat([x, F.interpolate(first, size=x.shape[2:], mode="nearest")], dim=1)
            for layer in _layers(stage):
                x = layer(x, carry)
        return self.paint(x)


class BeganEncoder(nn.Module):
    """Image to code; widths grow linearly n, 2n, 3n, ... as the side is halved.

    Args:
        code: Length of the output.
        size: Side of the image.
        channels: Of the image.
        width: Channels at full resolution.
        layers: Convolutions at each resolution, before the one that halves it.
        carry: Whether residuals carry.
    """

    def __init__(self, code: int, size: int, channels: int, width: int, layers: int, *, carry: bool) -> None:
        super().__init__()
        self.carries = carry
        self.register_buffer("carry", torch.tensor(1.0 if carry else 0.0))
        self.look = nn.Conv2d(channels, width, 3, padding=1)
        n = n_resolutions(size)
        self.stages = nn.ModuleList(
            nn.ModuleList([CarryConv(width * (i + 1), width * (i + 1)) for _ in range(layers)]) for i in range(n)
        )
        self.halves = nn.ModuleList(
            nn.Conv2d(width * (i + 1), width * (i + 2), 3, stride=2, padding=1) for i in range(n - 1)
        )
        self.project = nn.Linear(width * n * BASE * BASE, code)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Tensor) -> Tensor:
        """(n, channels, size, size) to (n, code)."""
        carry = self.carry if self.carries else None
        x = F.elu(self.look(images), inplace=True)
        for i, stage in enumerate(self.stages):
            for layer in _layers(stage):
                x = layer(x, carry)
            if i < len(self.halves):
                x = F.elu(self.halves[i](x), inplace=True)
        return self.project(x.flatten(1))


class BeganAutoencoder(nn.Module):
    """The judge: L(x) = mean |x - D(x)| is low for images it has learned to rebuild."""

    def __init__(
        self, hidden: int, size: int, channels: int, width: int, layers: int, *, skip: bool, carry: bool
    ) -> None:
        super().__init__()
        self.encoder = BeganEncoder(hidden, size, channels, width, layers, carry=carry)
        self.decoder = BeganDecoder(hidden, size, channels, width, layers, skip=skip, carry=carry)

    def forward(self, images: Tensor) -> Tensor:
        """The images rebuilt."""
        return self.decoder(self.encoder(images))


def set_carry(network: nn.Module, value: float) -> None:
    """Set the weight of the vanishing residuals of all parts of a network."""
    for module in network.modules():
        if isinstance(module, (BeganDecoder, BeganEncoder)):
            torch.as_tensor(module.carry).fill_(value)


def _layers(stage: nn.Module) -> list[CarryConv]:
    assert isinstance(stage, nn.ModuleList)
    return [layer for layer in stage if isinstance(layer, CarryConv)]
