"""Inference in the loop: what runs once per step of a group of environments."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import nn

from rlsuite.agents.learners.encoders import NormalizedVector
from rlsuite.agents.learners.policy import ActorCritic
from rlsuite.agents.learners.rollout import Arrays, Row

SMALL = 4 * 65536
"""Products in a layer up to which OpenBLAS stays in the calling thread (its GEMM_MULTITHREAD_THRESHOLD of 4)."""


def _relu(x: np.ndarray, out: np.ndarray) -> None:
    np.maximum(x, 0.0, out=out)


ARRAY_ACTIVATIONS = {nn.Tanh: np.tanh, nn.ReLU: _relu}


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
        self.array_activation = ARRAY_ACTIVATIONS.get(policy.activation_fn)
        self.layers: list[tuple[torch.Tensor, torch.Tensor]] = []
        for layer in [*policy.mlp_extractor.policy_net, policy.action_net]:
            if isinstance(layer, nn.Linear):
                weight, bias = layer.weight.detach(), layer.bias.detach()
                if not self.layers and policy.normalizer is not None:
                    scale, shift = policy.normalizer.scale_and_shift()
                    weight, bias = weight * scale, bias + weight @ shift
                self.layers.append((weight.t(), bias))
        self._arrays: list[tuple[np.ndarray, np.ndarray]] = []
        if policy.device.type == "cpu":
            self._arrays = [(np.ascontiguousarray(weight.numpy()), bias.numpy()) for weight, bias in self.layers]
        self._largest = max(weight.numel() for weight, _ in self.layers)

    def __call__(self, row: Row) -> None:
        """Run the policy tower."""
        small = len(row.obs) * self._largest <= SMALL
        if row.arrays is not None and small and self._arrays and self.array_activation is not None:
            self._run_arrays(row.arrays)
            return
        x = row.obs.flatten(1) if row.obs.dim() > 2 else row.obs
        if x.dtype != torch.float32:
            x = x.float()
        for weight, bias in self.layers[:-1]:
            x = self.activation(torch.addmm(bias, x, weight))
        weight, bias = self.layers[-1]
        torch.addmm(bias, x, weight, out=row.params)

    def _run_arrays(self, row: Arrays) -> None:
        """The same in numpy, whose calls cost a third of torch's for a handful of rows."""
        assert self.array_activation is not None
        x = row.obs.reshape(len(row.obs), -1)
        if x.dtype != np.float32:
            x = x.astype(np.float32)
        for weight, bias in self._arrays[:-1]:
            x = x @ weight
            x += bias
            self.array_activation(x, x)
        weight, bias = self._arrays[-1]
        np.add(x @ weight, bias, out=row.params)


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
