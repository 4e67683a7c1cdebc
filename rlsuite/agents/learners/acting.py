"""Inference in the loop: what runs once per step of a group of environments."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn

from rlsuite.agents.learners.encoders import NormalizedVector
from rlsuite.agents.learners.policy import ActorCritic
from rlsuite.agents.learners.rollout import Row


class Actor(Protocol):
    """A frozen copy or view of a policy for one rollout.

    Attributes:
        gives_values: Whether values come with the action; if not, they are computed after the rollout.
    """

    gives_values: bool

    def __call__(self, row: Row) -> None:
        """Read ``row.obs``; write ``row.params`` and, if it gives values, ``row.value``."""
        ...


class WholeNetwork:
    """The policy's own forward pass; values come with it, since they share the encoder."""

    gives_values = True

    def __init__(self, policy: ActorCritic) -> None:
        self.policy = policy

    def __call__(self, row: Row) -> None:
        """Run both heads."""
        params, value = self.policy.heads(self.policy.inputs(row.obs))
        row.params.copy_(params)
        row.value.copy_(value)


class FoldedMlp:
    """The policy tower alone, observation normalisation folded into its first layer.

    Values are not needed to act; computing them for the whole rollout at once is several times faster.
    """

    gives_values = False

    def __init__(self, policy: ActorCritic) -> None:
        self.activation = _inplace(policy.activation_fn)
        self.layers: list[tuple[torch.Tensor, torch.Tensor]] = []
        for layer in [*policy.mlp_extractor.policy_net, policy.action_net]:
            if isinstance(layer, nn.Linear):
                weight, bias = layer.weight.detach(), layer.bias.detach()
                if not self.layers and policy.normalizer is not None:
                    scale, shift = policy.normalizer.scale_and_shift()
                    weight, bias = weight * scale, bias + weight @ shift
                self.layers.append((weight.t(), bias))

    def __call__(self, row: Row) -> None:
        """Run the policy tower."""
        x = row.obs.flatten(1) if row.obs.dim() > 2 else row.obs
        if x.dtype != torch.float32:
            x = x.float()
        for weight, bias in self.layers[:-1]:
            x = self.activation(torch.addmm(bias, x, weight))
        weight, bias = self.layers[-1]
        torch.addmm(bias, x, weight, out=row.params)


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
