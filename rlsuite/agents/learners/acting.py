"""Inference in the loop: what runs once per step of a group of environments."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn

from rlsuite.agents.learners.encoders import NormalizedVector
from rlsuite.agents.learners.policy import ActorCritic


class Actor(Protocol):
    """A frozen copy or view of a policy for one rollout."""

    def __call__(self, obs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Action parameters (n, n_params) and values (n, n_heads), or None where values come later."""
        ...


class WholeNetwork:
    """The policy's own forward pass; values come with it, since they share the encoder."""

    def __init__(self, policy: ActorCritic) -> None:
        self.policy = policy

    def __call__(self, obs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Run both heads."""
        return self.policy.heads(self.policy.inputs(obs))


class FoldedMlp:
    """The policy tower alone, observation normalisation folded into its first layer.

    Values are not needed to act; computing them for the whole rollout at once is several times faster.
    """

    def __init__(self, policy: ActorCritic) -> None:
        scale, shift = 1.0, 0.0
        if policy.normalizer is not None:
            scale, shift = policy.normalizer.scale_and_shift()
        self.layers: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.activation = _inplace(policy.activation_fn)
        modules = [m for m in policy.mlp_extractor.policy_net if isinstance(m, nn.Linear)] + [policy.action_net]
        for i, layer in enumerate(modules):
            assert isinstance(layer, nn.Linear)
            weight, bias = layer.weight.detach(), layer.bias.detach()
            if i == 0:
                bias = bias + weight @ shift if isinstance(shift, torch.Tensor) else bias
                weight = weight * scale
            self.layers.append((weight.t(), bias))

    def __call__(self, obs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Run the policy tower."""
        x = obs.flatten(1) if obs.dim() > 2 else obs
        if x.dtype != torch.float32:
            x = x.float()
        for weight, bias in self.layers[:-1]:
            x = self.activation(torch.addmm(bias, x, weight))
        weight, bias = self.layers[-1]
        return torch.addmm(bias, x, weight), None


def _inplace(activation: type[nn.Module]):
    table = {nn.Tanh: torch.tanh_, nn.ReLU: torch.relu_, nn.ELU: nn.functional.elu_}
    return table[activation]


def make_actor(policy: ActorCritic) -> Actor:
    """The fastest actor that acts as ``policy`` does now."""
    from gymnasium import spaces
    from stable_baselines3.common.torch_layers import FlattenExtractor

    vectors = isinstance(policy.observation_space, spaces.Box) and isinstance(
        policy.features_extractor, (NormalizedVector, FlattenExtractor)
    )
    plain = type(policy).heads is ActorCritic.heads and type(policy).inputs is ActorCritic.inputs
    simple = plain and policy.activation_fn in (nn.Tanh, nn.ReLU, nn.ELU)
    return FoldedMlp(policy) if vectors and simple else WholeNetwork(policy)
