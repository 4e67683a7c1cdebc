"""DCGAN's two networks.

Reference: Radford, Metz & Chintala 2016, arXiv:1511.06434, section 3 and figure 1: no pooling, batch norm in all
but the outermost layers, ReLU and tanh in the generator, leaky ReLU 0.2 in the discriminator, N(0, 0.02) weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAX_FACTOR = 8
"""No layer is wider than eight times the narrowest, as in the published 64x64 networks."""


def n_stages(size: int) -> int:
    """How often the side is halved until it is 4."""
    return size.bit_length() - 3


def channels_at(width: int, stage: int) -> int:
    """Channels after ``stage`` halvings; stage 1 is next to the image."""
    return width * min(2 ** (stage - 1), MAX_FACTOR)


class DcganGenerator(nn.Module):
    """Latent vector to image in [-1, 1].

    Args:
        latent: Length of the input (a condition's code included).
        size: Side of the image, a power of two.
        channels: Of the image.
        width: Channels next to the image.
        kernel: 4 or 5.
    """

    def __init__(self, latent: int, size: int, channels: int, width: int, kernel: int) -> None:
        super().__init__()
        stages = n_stages(size)
        self.top = channels_at(width, stages)
        self.project = nn.Linear(latent, self.top * 16, bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(self.top), nn.ReLU(inplace=True)]
        for stage in range(stages, 1, -1):
            n_in, n_out = channels_at(width, stage), channels_at(width, stage - 1)
            layers += [_up(n_in, n_out, kernel, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
        layers += [_up(width, channels, kernel, bias=True), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(init_weights)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  (a tenth faster on the CPU)

    def forward(self, latent: Tensor) -> Tensor:
        """(n, latent) to (n, channels, size, size)."""
        return self.layers(self.project(latent).view(-1, self.top, 4, 4))


class DcganDiscriminator(nn.Module):
    """Image in [-1, 1] to a logit that is high for real ones.

    Args:
        size: Side of the image, a power of two.
        channels: Of the image.
        width: Channels next to the image.
        kernel: 4 or 5.
        condition: Length of a condition's code laid beside the last feature map; 0 for none.
    """

    def __init__(self, size: int, channels: int, width: int, kernel: int, condition: int = 0) -> None:
        super().__init__()
        stages = n_stages(size)
        layers: list[nn.Module] = [_down(channels, width, kernel, bias=True), nn.LeakyReLU(0.2)]
        for stage in range(2, stages + 1):
            n_in, n_out = channels_at(width, stage - 1), channels_at(width, stage)
            layers += [_down(n_in, n_out, kernel, bias=False), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2)]
        self.features = nn.Sequential(*layers)
        self.n_features = channels_at(width, stages)
        self.join = _join(self.n_features, condition) if condition else None
        self.head = nn.Linear(self.n_features * 16, 1)
        self.apply(init_weights)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """(n, channels, size, size) to (n,)."""
        found = self.features(images)
        if self.join is not None:
            assert condition is not None
            tiled = condition[:, :, None, None].expand(-1, -1, *found.shape[2:])
            found = self.join(torch.cat([found, tiled], dim=1))
        return self.head(found.flatten(1)).squeeze(1)


def _join(features: int, condition: int) -> nn.Module:
    conv = nn.Conv2d(features + condition, features, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(features), nn.LeakyReLU(0.2))


def _up(n_in: int, n_out: int, kernel: int, *, bias: bool) -> nn.Module:
    """Doubles the side."""
    padding = (kernel - 1) // 2
    return nn.ConvTranspose2d(n_in, n_out, kernel, 2, padding, output_padding=2 * padding + 2 - kernel, bias=bias)


def _down(n_in: int, n_out: int, kernel: int, *, bias: bool) -> nn.Module:
    """Halves the side."""
    return nn.Conv2d(n_in, n_out, kernel, 2, (kernel - 1) // 2, bias=bias)


def init_weights(module: nn.Module) -> None:
    """N(0, 0.02) for weights, N(1, 0.02) for the scales of batch norm, zero for biases."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Conv3d, nn.ConvTranspose3d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
        nn.init.normal_(module.weight, 1.0, 0.02)
    bias = getattr(module, "bias", None)
    if isinstance(bias, Tensor):
        nn.init.zeros_(bias)
