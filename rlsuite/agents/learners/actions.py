"""Action distributions in closed form: sample from given noise, log-probability, entropy.

The distributions are stable-baselines3's; computing them without distribution objects saves most of
the time of a small network, and drawing the noise first keeps the random stream the learner's own.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import spaces

from rlsuite.agents.learners.rollout import Row
from rlsuite.errors import UserError

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class ActionHead(Protocol):
    """What a policy network's last layer means. ``log_std`` is (action_dim,) or None if discrete."""

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Noise of shape + (n_params,) for `sample`."""
        ...

    def sample(self, params: torch.Tensor, noise: torch.Tensor, std: torch.Tensor | None) -> torch.Tensor:
        """An action per row of params (n, n_params): (n, *action_shape), not clipped."""
        ...

    def to_env(self, action: torch.Tensor) -> torch.Tensor:
        """The action as the environment gets it: inside the bounds."""
        ...

    def sample_row(self, row: Row, std: torch.Tensor | None) -> None:
        """`sample` and `to_env` from a rollout's row into it."""
        ...

    def log_prob_entropy(
        self, params: torch.Tensor, log_std: torch.Tensor | None, action: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probability (n,) of actions (n, *action_shape) and entropy (n,) or (), in nats."""
        ...


class GaussianHead:
    """A diagonal Gaussian with a standard deviation that does not depend on the state."""

    def __init__(self, space: spaces.Box) -> None:
        self.shape = space.shape
        self.size = int(np.prod(space.shape))
        self.low = torch.as_tensor(space.low, dtype=torch.float32)
        self.high = torch.as_tensor(space.high, dtype=torch.float32)
        self._low, self._high = self.low.numpy(), self.high.numpy()

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Standard normal noise."""
        return torch.randn((*shape, self.size), generator=generator, device=generator.device)

    def sample(self, params: torch.Tensor, noise: torch.Tensor, std: torch.Tensor | None) -> torch.Tensor:
        """Mean plus noise times standard deviation."""
        assert std is not None
        return torch.addcmul(params, noise, std).view(-1, *self.shape)

    def sample_row(self, row: Row, std: torch.Tensor | None) -> None:
        """Without a copy where actions are vectors."""
        if len(self.shape) != 1 or std is None:
            _sample_row(self, row, std)
            return
        if (arrays := row.arrays) is not None:
            np.add(arrays.params, arrays.noise * std.numpy(), out=arrays.action)
            np.minimum(np.maximum(arrays.action, self._low), self._high, out=arrays.env_action)
            return
        torch.addcmul(row.params, row.noise, std, out=row.action)
        torch.clamp(row.action, *self._bounds(row.action.device), out=row.env_action)

    def _bounds(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        if self.low.device != device:
            self.low, self.high = self.low.to(device), self.high.to(device)
        return self.low, self.high

    def to_env(self, action: torch.Tensor) -> torch.Tensor:
        """Clip to the bounds of the action space."""
        return torch.clamp(action, *self._bounds(action.device))

    def log_prob_entropy(
        self, params: torch.Tensor, log_std: torch.Tensor | None, action: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the Gaussian itself: clipping at the bounds is the environment's affair, as in SB3."""
        assert log_std is not None
        z = (action.flatten(1) - params) * torch.exp(-log_std)
        total = log_std.sum()
        log_prob = -0.5 * z.square().sum(-1) - (total + self.size * HALF_LOG_2PI)
        return log_prob, total + self.size * (0.5 + HALF_LOG_2PI)


class CategoricalHead:
    """One categorical choice (Discrete) or several independent ones (MultiDiscrete)."""

    def __init__(self, sizes: list[int], shape: tuple[int, ...]) -> None:
        self.sizes = sizes
        self.shape = shape

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Standard Gumbel noise: argmax(logits + noise) is a sample."""
        uniform = torch.rand((*shape, sum(self.sizes)), generator=generator, device=generator.device)
        return -torch.log(-torch.log(uniform.clamp(1e-20, 1 - 1e-7)))

    def sample(self, params: torch.Tensor, noise: torch.Tensor, std: torch.Tensor | None) -> torch.Tensor:
        """The Gumbel-max choice, int64."""
        parts = [p.argmax(-1) for p in (params + noise).split(self.sizes, dim=-1)]
        return torch.stack(parts, -1).view(-1, *self.shape)

    def to_env(self, action: torch.Tensor) -> torch.Tensor:
        """As it is."""
        return action

    def sample_row(self, row: Row, std: torch.Tensor | None) -> None:
        """Sample into the row."""
        _sample_row(self, row, std)

    def log_prob_entropy(
        self, params: torch.Tensor, log_std: torch.Tensor | None, action: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Sums over the choices."""
        log_prob, entropy = params.new_zeros(len(params)), params.new_zeros(len(params))
        columns = action.reshape(len(params), -1)
        for i, logits in enumerate(params.split(self.sizes, dim=-1)):
            logp = F.log_softmax(logits, dim=-1)
            log_prob = log_prob + logp.gather(-1, columns[:, i : i + 1]).squeeze(-1)
            entropy = entropy - (logp.exp() * logp).sum(-1)
        return log_prob, entropy


class BernoulliHead:
    """Independent yes-or-no choices (MultiBinary)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.size = int(np.prod(shape))

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Standard logistic noise: logits + noise > 0 is a sample."""
        uniform = torch.rand((*shape, self.size), generator=generator, device=generator.device)
        return torch.logit(uniform.clamp(1e-7, 1 - 1e-7))

    def sample(self, params: torch.Tensor, noise: torch.Tensor, std: torch.Tensor | None) -> torch.Tensor:
        """0 or 1, int64."""
        return (params + noise > 0).long().view(-1, *self.shape)

    def to_env(self, action: torch.Tensor) -> torch.Tensor:
        """As it is."""
        return action

    def sample_row(self, row: Row, std: torch.Tensor | None) -> None:
        """Sample into the row."""
        _sample_row(self, row, std)

    def log_prob_entropy(
        self, params: torch.Tensor, log_std: torch.Tensor | None, action: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Sums over the choices."""
        log_prob = -F.binary_cross_entropy_with_logits(params, action.flatten(1).float(), reduction="none")
        entropy = F.binary_cross_entropy_with_logits(params, params.sigmoid(), reduction="none")
        return log_prob.sum(-1), entropy.sum(-1)


def _sample_row(head: ActionHead, row: Row, std: torch.Tensor | None) -> None:
    row.action.copy_(head.sample(row.params, row.noise, std))
    row.env_action.copy_(head.to_env(row.action))


def make_action_head(space: spaces.Space) -> ActionHead:
    """The head of an action space.

    Raises:
        UserError: PPO has no distribution for it.
    """
    if isinstance(space, spaces.Box):
        return GaussianHead(space)
    if isinstance(space, spaces.Discrete) and space.start == 0:
        return CategoricalHead([int(space.n)], ())
    if isinstance(space, spaces.MultiDiscrete) and not np.any(space.start):
        return CategoricalHead([int(n) for n in space.nvec.flatten()], space.shape)
    if isinstance(space, spaces.MultiBinary):
        return BernoulliHead(space.shape)
    raise UserError(
        f"PPO cannot act in {space}; Box, Discrete and MultiDiscrete (counted from 0) and MultiBinary are supported."
    )
