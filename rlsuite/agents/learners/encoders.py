"""What turns observations into features: normalised vectors and convolutions.

This module imports torch, gymnasium and stable-baselines3 only: `export` pickles its classes by value,
so that a machine without rlsuite can open the zip.
"""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn


class NormalizedVector(BaseFeaturesExtractor):
    """Flatten a vector and scale it by its running mean and standard deviation, without clipping.

    The statistics change only in `update`, which a learner calls between iterations; so the
    policy that collected a rollout is the policy that is updated on it.

    Deviation: VecNormalize clips at 10 and updates while it acts; without clipping the
    normalisation is affine and can be folded into the first layer.
    """

    mean: torch.Tensor
    var: torch.Tensor
    count: torch.Tensor

    def __init__(self, observation_space: gym.Space, eps: float = 1e-8) -> None:
        size = int(np.prod(observation_space.shape or (1,)))
        super().__init__(observation_space, size)
        self.eps = eps
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("var", torch.ones(size, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    def scale_and_shift(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The affine map as ``obs * scale + shift``, float32 (size,)."""
        scale = (self.var + self.eps).rsqrt()
        return scale.float(), (-self.mean * scale).float()

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Normalised (n, size) of observations (n, *shape)."""
        scale, shift = self.scale_and_shift()
        return torch.addcmul(shift, observations.flatten(1).float(), scale)

    @torch.no_grad()
    def update(self, observations: torch.Tensor) -> None:
        """Take observations (n, *shape) into the statistics, exactly (Chan et al. 1979)."""
        x = observations.flatten(1).double()
        n = x.shape[0]
        total = self.count + n
        var, mean = torch.var_mean(x, dim=0, correction=0)
        delta = mean - self.mean
        spread = self.var * self.count + var * n + delta.square() * (self.count * n / total)
        self.mean += delta * (n / total)
        self.var.copy_(spread / total)
        self.count.copy_(total)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """Pictures (n, C, H, W) in the order of memory that convolutions are fastest in; anything else as it is."""
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


def unit_pictures(x: torch.Tensor, *, fresh: bool) -> torch.Tensor:
    """Pictures of 0 to 255 as float, over 255.

    Args:
        x: (n, C, H, W) float.
        fresh: Whether nobody else holds its memory, which then is overwritten: a fifth of the time, for the order of
            memory changes before the numbers do and nothing is copied twice.
    """
    out = channels_last(x)
    return out.div_(255.0) if fresh or out is not x else out / 255.0


class ConvEncoder(BaseFeaturesExtractor):
    """Convolutions on images (n, C, H, W) already divided by 255, flattened, then at most one linear layer.

    Args:
        observation_space: Box (C, H, W).
        layers: Of each convolution: channels, kernel, stride, padding.
        activation: ``"relu"`` or ``"elu"``.
        fc: Width of a linear layer after the convolutions; None: none.
    """

    def __init__(
        self,
        observation_space: gym.spaces.Box,
        layers: tuple[tuple[int, int, int, int], ...],
        activation: str = "relu",
        fc: int | None = None,
    ) -> None:
        super().__init__(observation_space, 1)
        act = partial({"relu": nn.ReLU, "elu": nn.ELU}[activation], inplace=True)  # nothing else reads what it replaces
        channels = observation_space.shape[0]
        stack: list[nn.Module] = []
        for out, kernel, stride, padding in layers:
            stack += [nn.Conv2d(channels, out, kernel, stride, padding), act()]
            channels = out
        self.cnn = nn.Sequential(*stack, nn.Flatten())
        with torch.no_grad():
            size = self.cnn(torch.zeros(1, *observation_space.shape)).shape[1]
        self.linear = nn.Sequential(nn.Linear(size, fc), act()) if fc else nn.Identity()
        self._features_dim = fc or size

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Features (n, features_dim)."""
        return self.linear(self.cnn(observations))


class PathakCNN(ConvEncoder):
    """Four convolutions of 32 channels, 3x3, stride 2, padding 1, ELU: 288 features at 42x42.

    Reference:
        Pathak et al. 2017, Curiosity-driven Exploration by Self-supervised Prediction, section 4.1.
    """

    def __init__(self, observation_space: gym.spaces.Box, fc: int | None = None) -> None:
        super().__init__(observation_space, ((32, 3, 2, 1),) * 4, "elu", fc)


class SmallCNN(ConvEncoder):
    """Two convolutions (16 8x8 stride 4, 32 4x4 stride 2, ReLU): also 288 features at 42x42, at a sixth of the cost.

    Reference:
        The convolutions of Mnih et al. 2013, arXiv:1312.5602.
    """

    def __init__(self, observation_space: gym.spaces.Box, fc: int | None = None) -> None:
        super().__init__(observation_space, ((16, 8, 4, 0), (32, 4, 2, 0)), "relu", fc)
