"""Networks of the curiosity rewards: encoders of observations, and models on top of features."""

from __future__ import annotations

from collections.abc import Callable

import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from rlsuite.errors import UserError
from rlsuite.runs.seeding import stream_seed

CONVOLUTIONS: dict[str, tuple[tuple[tuple[int, int, int, int], ...], Callable[..., nn.Module]]] = {
    "small": (((16, 8, 4, 0), (32, 4, 2, 0)), nn.ReLU),
    "pathak": (((32, 3, 2, 1),) * 4, nn.ELU),
    "nature": (((32, 8, 4, 0), (64, 4, 2, 0), (64, 3, 1, 0)), nn.LeakyReLU),
}
"""Channels, kernel, stride and padding of each layer, and the activation after it."""


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether observations of that shape are pictures (C, H, W)."""
    return len(shape) == 3


class Encoder(nn.Module):
    """Features (n, size) of prepared observations (n, *shape).

    Args:
        shape: Of one observation.
        kind: Convolutions, for pictures.
        feature_dim: Width of a linear layer at the end; None: none for pictures, ``hidden`` for vectors.
        hidden: Width of the layer that vectors get.

    Raises:
        UserError: The picture is too small for the convolutions.
    """

    def __init__(self, shape: tuple[int, ...], kind: str, feature_dim: int | None, hidden: int) -> None:
        super().__init__()
        self.image = is_image(shape)
        body, size = self._convolutions(shape, kind) if self.image else self._layers(shape, hidden)
        self.body = body
        self.head = nn.Linear(size, feature_dim) if feature_dim else nn.Identity()
        self.size = feature_dim or size
        initialize(self)
        if self.image:
            self.to(memory_format=torch.channels_last)

    @staticmethod
    def _convolutions(shape: tuple[int, ...], kind: str) -> tuple[nn.Sequential, int]:
        layers, activation = CONVOLUTIONS[kind]
        channels, height, width = shape
        stack: list[nn.Module] = []
        for out, kernel, stride, padding in layers:
            stack += [nn.Conv2d(channels, out, kernel, stride, padding), activation(inplace=True)]
            channels = out
            height, width = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
            if min(height, width) < 1:
                raise UserError(f"pictures of {shape[1]}x{shape[2]} are too small for the encoder '{kind}'")
        return nn.Sequential(*stack, nn.Flatten()), channels * height * width

    @staticmethod
    def _layers(shape: tuple[int, ...], hidden: int) -> tuple[nn.Sequential, int]:
        size = int(np.prod(shape or (1,)))
        return nn.Sequential(nn.Flatten(), nn.Linear(size, hidden), nn.ELU()), hidden

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        """Features of prepared observations."""
        if self.image:
            obs = obs.contiguous(memory_format=torch.channels_last)
        return self.head(self.body(obs))


def initialize(module: nn.Module, gain: float = np.sqrt(2)) -> None:
    """Orthogonal weights and zero biases: features keep their scale, inverse models learn sooner."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.orthogonal_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class InverseModel(nn.Module):
    """The action from the features before and after it: logits (n, n_actions) or values (n, size)."""

    def __init__(self, feature_dim: int, hidden: int, n_out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * feature_dim, hidden), nn.ReLU(), nn.Linear(hidden, n_out))
        initialize(self)

    def forward(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """Predict."""
        return self.layers(torch.cat([before, after], -1))


class ForwardModel(nn.Module):
    """Features after an action from features before it: one hidden layer."""

    def __init__(self, feature_dim: int, action_dim: int, hidden: int, n_out: int | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(feature_dim + action_dim, hidden), nn.ReLU(), nn.Linear(hidden, n_out or feature_dim)
        )
        initialize(self)

    def forward(self, features: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        """Predict (n, n_out)."""
        return self.layers(torch.cat([features, action], -1))


class ResidualForwardModel(nn.Module):
    """The same with residual blocks that see the action at every layer.

    Reference:
        Burda et al. 2018, arXiv:1808.04355, section 2.2 and its code.
    """

    def __init__(
        self, feature_dim: int, action_dim: int, hidden: int, n_out: int | None = None, n_blocks: int = 4
    ) -> None:
        super().__init__()
        self.first = nn.Linear(feature_dim + action_dim, hidden)
        self.blocks = nn.ModuleList(
            nn.ModuleList([nn.Linear(hidden + action_dim, hidden), nn.Linear(hidden + action_dim, hidden)])
            for _ in range(n_blocks)
        )
        self.last = nn.Linear(hidden + action_dim, n_out or feature_dim)
        initialize(self, gain=1.0)

    def forward(self, features: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        """Predict (n, n_out)."""
        x = F.leaky_relu(self.first(torch.cat([features, action], -1)))
        for inner, outer in self.blocks:  # type: ignore[misc]
            change = F.leaky_relu(inner(torch.cat([x, action], -1)))
            x = x + outer(torch.cat([change, action], -1))
        return self.last(torch.cat([x, action], -1))


class Painter(nn.Module):
    """Draws an observation from features: (n, d) to (n, *shape), for the VAE."""

    def __init__(self, feature_dim: int, shape: tuple[int, ...], hidden: int) -> None:
        super().__init__()
        self.shape = shape
        if not is_image(shape):
            size = int(np.prod(shape or (1,)))
            self.first: nn.Module = nn.Sequential(nn.Linear(feature_dim, hidden), nn.ELU(), nn.Linear(hidden, size))
            self.rest: nn.Module = nn.Identity()
        else:
            self.grid = (-(-shape[1] // 8), -(-shape[2] // 8))
            self.first = nn.Linear(feature_dim, 32 * self.grid[0] * self.grid[1])
            steps = [nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(32, 32, 3, 1, 1), nn.ELU()) for _ in range(3)]
            self.rest = nn.Sequential(nn.ELU(), *steps, nn.Conv2d(32, shape[0], 1))
        initialize(self, gain=1.0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Draw."""
        x = self.first(features)
        if not is_image(self.shape):
            return x.view(-1, *self.shape)
        x = self.rest(x.view(-1, 32, *self.grid))
        return x[:, :, : self.shape[1], : self.shape[2]]


class ActionCode:
    """Actions as numbers for the models: one-hot if discrete, as they are if continuous.

    Raises:
        UserError: Neither Discrete nor Box.
    """

    def __init__(self, space: gym.Space) -> None:
        if isinstance(space, gym.spaces.Discrete):
            self.n_actions, self.size, self.start = int(space.n), int(space.n), int(space.start)
        elif isinstance(space, gym.spaces.Box):
            self.n_actions, self.size, self.start = None, int(np.prod(space.shape)), 0
        else:
            raise UserError(f"curiosity handles Discrete and Box actions, not {space}")

    def index(self, action: torch.Tensor) -> torch.Tensor:
        """What the inverse model predicts: indices from 0, or the action itself."""
        return action.reshape(-1) - self.start if self.n_actions is not None else action.detach()

    def __call__(self, action: torch.Tensor) -> torch.Tensor:
        """(n, *action_shape) to float32 (n, size)."""
        if self.n_actions is None:
            return action.detach().reshape(len(action), -1).float()
        return F.one_hot(self.index(action), self.n_actions).float()


def build_seeded(seed: int, name: str, build: Callable[[], nn.Module]) -> nn.Module:
    """Build a module whose initial values come from a stream of its own, leaving torch's untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream_seed(seed, name))
        return build()
