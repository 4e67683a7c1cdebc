"""The translators' networks.

Reference: Zhu et al. 2017, arXiv:1703.10593, appendix 7.2; Isola et al. 2017, arXiv:1611.07004, appendix 6.1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.generators.gan.networks import init_weights

MAX_FACTOR = 8


class ResidualBlock(nn.Module):
    """Two reflected 3x3 convolutions with instance norm, and the input added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_reflected(channels, channels, 3), nn.ReLU(inplace=True), *_reflected(channels, channels, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The sum."""
        return x + self.layers(x)


class ResnetTranslator(nn.Module):
    """Image to image in [-1, 1]: 7x7, two halvings, residual blocks, two doublings, 7x7.

    Args:
        channels: Of both images.
        width: Channels of the first layer.
        blocks: Residual blocks.
        upsample: ``transposed`` or ``resize``.
    """

    def __init__(self, channels: int, width: int, blocks: int, upsample: str) -> None:
        super().__init__()
        layers: list[nn.Module] = [*_reflected(channels, width, 7), nn.ReLU(inplace=True)]
        for factor in (1, 2):
            down = nn.Conv2d(width * factor, width * factor * 2, 3, 2, 1)
            layers += [down, nn.InstanceNorm2d(width * factor * 2), nn.ReLU(inplace=True)]
        layers += [ResidualBlock(width * 4) for _ in range(blocks)]
        for factor in (2, 1):
            layers += [*_double(width * factor * 2, width * factor, upsample)]
            layers += [nn.InstanceNorm2d(width * factor), nn.ReLU(inplace=True)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(init_weights)

    def forward(self, images: Tensor) -> Tensor:
        """The images translated."""
        return self.layers(images)


class PatchDiscriminator(nn.Module):
    """A logit for each patch, high for real ones.

    Args:
        channels: Of what is judged (of both images together where the input belongs to it).
        width: Channels of the first layer.
        layers: Of stride 2.
        size: Side of the images: instance norm needs maps of more than one pixel.
    """

    def __init__(self, channels: int, width: int, layers: int, size: int) -> None:
        super().__init__()
        found: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        n_in = width
        for i in range(1, layers + 1):
            stride, n_out = (2 if i < layers else 1), width * min(2**i, MAX_FACTOR)
            found.append(nn.Conv2d(n_in, n_out, 4, stride, 1))
            if size // 2 ** min(i + 1, layers) > 2:
                found.append(nn.InstanceNorm2d(n_out))
            found.append(nn.LeakyReLU(0.2, inplace=True))
            n_in = n_out
        self.layers = nn.Sequential(*found, nn.Conv2d(n_in, 1, 4, 1, 1))
        self.apply(init_weights)

    def forward(self, images: Tensor) -> Tensor:
        """N x 1 x h x w logits."""
        return self.layers(images)


class NoiseDropout(nn.Module):
    """Dropout that draws from a random stream of its own (torch's draws from the global one)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """While training, a share of the values zeroed and the others scaled up."""
        if not self.training or not self.share or self.generator is None:
            return x
        kept = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.share
        return x * kept / (1 - self.share)


class UNet(nn.Module):
    """Image to image in [-1, 1]: halved down to one pixel and back, each map laid beside its mirror image's.

    Args:
        size: Side of the images, a power of two.
        channels: Of both images.
        width: Channels of the first layer.
        dropout: In the (up to) three innermost decoding layers.
    """

    def __init__(self, size: int, channels: int, width: int, dropout: float) -> None:
        super().__init__()
        depth = size.bit_length() - 1
        widths = [channels, *(width * min(2**i, MAX_FACTOR) for i in range(depth))]
        self.down = nn.ModuleList(
            _down(widths[i], widths[i + 1], first=i == 0, last=i == depth - 1) for i in range(depth)
        )
        ups = []
        for i in reversed(range(depth)):
            n_in = widths[i + 1] * (1 if i == depth - 1 else 2)
            share = dropout if i > 0 and depth - 4 <= i < depth - 1 else 0.0
            ups.append(_up(n_in, widths[i], share, last=i == 0))
        self.up = nn.ModuleList(ups)
        self.apply(init_weights)

    def forward(self, images: Tensor) -> Tensor:
        """The images translated."""
        maps, x = [], images
        for layer in self.down:
            maps.append(x := layer(x))
        x = maps.pop()
        for layer in self.up:
            x = layer(x)
            if maps:
                x = torch.cat([x, maps.pop()], dim=1)
        return torch.tanh(x)


def _reflected(n_in: int, n_out: int, kernel: int) -> tuple[nn.Module, ...]:
    return nn.ReflectionPad2d(kernel // 2), nn.Conv2d(n_in, n_out, kernel), nn.InstanceNorm2d(n_out)


def _double(n_in: int, n_out: int, upsample: str) -> tuple[nn.Module, ...]:
    if upsample == "resize":
        return nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(n_in, n_out, 3)
    return (nn.ConvTranspose2d(n_in, n_out, 3, 2, 1, output_padding=1),)


def _down(n_in: int, n_out: int, *, first: bool, last: bool) -> nn.Sequential:
    layers: list[nn.Module] = [] if first else [nn.LeakyReLU(0.2)]
    layers.append(nn.Conv2d(n_in, n_out, 4, 2, 1))
    return nn.Sequential(*layers, *([] if first or last else [nn.BatchNorm2d(n_out)]))


def _up(n_in: int, n_out: int, dropout: float, *, last: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.ReLU(), nn.ConvTranspose2d(n_in, n_out, 4, 2, 1)]
    if not last:
        layers += [nn.BatchNorm2d(n_out), NoiseDropout(dropout)]
    return nn.Sequential(*layers)


def edges_of(images: Tensor, threshold: float = 0.12) -> Tensor:
    """Black lines on white where brightness or colour changes quickly; same shape, values 0 and 1 (soft between).

    Args:
        images: N x C x H x W in [0, 1].
        threshold: Steepness of a line, 0.05 (much) to 0.3 (little).
    """
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    dx, dy = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2], padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    strength = (dx.square() + dy.square()).sqrt().amax(dim=1, keepdim=True) / 2
    lines = ((strength - threshold) / threshold).clamp(0, 1)
    return (1 - lines).expand_as(images).contiguous()
