"""Critics whose hidden layers are normalised."""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.sac.policies import SACPolicy
from torch import nn
from torch.nn.functional import layer_norm

LAYER_NORM_EPS = 1e-5


class NormalizedActivation(nn.Module):
    """An activation of inputs (..., width) that are brought to mean 0 and variance 1 over the width first.

    It stands where the activation stood and has no parameters, so that a critic's parameters keep their names.

    Args:
        activation: The module it stands for.

    Reference:
        Ba et al. 2016, arXiv:1607.06450, without scale and shift: the linear layer behind it scales.
    """

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape."""
        return self.activation(layer_norm(x, x.shape[-1:], eps=LAYER_NORM_EPS))


class LayerNormSACPolicy(SACPolicy):
    """stable-baselines3's policy with `NormalizedActivation` in its critics."""

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> ContinuousCritic:
        """A critic as stable-baselines3 makes it, each hidden layer normalised."""
        critic = super().make_critic(features_extractor)
        for network in critic.q_networks:
            _normalize(network)
        return critic


def _normalize(network: Any) -> None:
    for i, layer in enumerate(network):
        if not isinstance(layer, nn.Linear):
            network[i] = NormalizedActivation(layer)
