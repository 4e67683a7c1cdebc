"""stable-baselines3's actor-critic policy, opened up: features, heads and log-probabilities apart."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.preprocessing import is_image_space, preprocess_obs
from stable_baselines3.common.torch_layers import NatureCNN
from torch import nn

from rlsuite.agents.learners.actions import ActionHead, make_action_head
from rlsuite.agents.learners.encoders import NormalizedVector, channels_last, unit_pictures


class ActorCritic(ActorCriticPolicy):
    """`ActorCriticPolicy` with one value head per reward stream, and with its steps callable one by one.

    Parameters, initialisation and `predict` are stable-baselines3's; head 0 of `values` is its
    ``value_net``, the others belong to learned rewards with ``value_head: own``.

    Args:
        observation_space: Of one environment, raw.
        action_space: Of one environment.
        lr_schedule: As in stable-baselines3.
        n_own_values: Value heads beside the common one.
        value_init_gain: Orthogonal gain of all value heads.
        kwargs: As in stable-baselines3.
    """

    default_extractor: ClassVar[type | None] = None

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        lr_schedule: Any,
        *args: Any,
        n_own_values: int = 0,
        value_init_gain: float = 1.0,
        **kwargs: Any,
    ) -> None:
        if self.default_extractor is not None:
            kwargs.setdefault("features_extractor_class", self.default_extractor)
        self.n_own_values = n_own_values
        super().__init__(observation_space, action_space, lr_schedule, *args, **kwargs)
        if value_init_gain != 1.0:
            with torch.no_grad():
                self.value_net.weight.mul_(value_init_gain)  # orthogonal at gain 1 before
        if self.learns_encoder:  # after the initialisation, which needs plain strides; twice as fast on a CPU
            self.features_extractor.to(memory_format=torch.channels_last)
        self.own_value_net = self._make_own_heads(value_init_gain) if n_own_values else None
        self.head: ActionHead = make_action_head(self.action_space)

    def _make_own_heads(self, gain: float) -> nn.Linear:
        net = nn.Linear(self.mlp_extractor.latent_dim_vf, self.n_own_values)
        with torch.no_grad():
            for row in net.weight:
                nn.init.orthogonal_(row[None], gain)
        nn.init.zeros_(net.bias)
        return net

    @property
    def normalizer(self) -> NormalizedVector | None:
        """The running statistics of vector observations, if they are normalised."""
        extractor = self.features_extractor
        return extractor if isinstance(extractor, NormalizedVector) else None

    @property
    def std_param(self) -> torch.Tensor | None:
        """Log standard deviation of continuous actions, (action_dim,)."""
        return getattr(self, "log_std", None)

    def inputs(self, obs: torch.Tensor) -> torch.Tensor:
        """What the networks read, computed once a rollout: vectors normalised, images as they are.

        Args:
            obs: (n, *obs_shape), raw.
        """
        return obs if self.learns_encoder else self.features_extractor(self._preprocess(obs))

    @property
    def learns_encoder(self) -> bool:
        """Whether the features have parameters of their own (a CNN)."""
        return any(True for _ in self.features_extractor.parameters())

    def _preprocess(self, obs: torch.Tensor) -> torch.Tensor:
        out = preprocess_obs(obs, self.observation_space, normalize_images=False)
        assert isinstance(out, torch.Tensor)
        scaled = self.normalize_images and is_image_space(self.observation_space)
        return unit_pictures(out, fresh=out is not obs) if scaled else channels_last(out)

    def latents(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Last hidden layers (policy, value) for the result of `inputs`."""
        if self.learns_encoder:
            inputs = self.features_extractor(self._preprocess(inputs))
        return self.mlp_extractor(inputs)

    def values(self, latent_vf: torch.Tensor) -> torch.Tensor:
        """Values (n, 1 + n_own_values)."""
        value = self.value_net(latent_vf)
        return value if self.own_value_net is None else torch.cat([value, self.own_value_net(latent_vf)], dim=1)

    def heads(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Action parameters (n, n_params: means or logits) and values (n, n_heads)."""
        latent_pi, latent_vf = self.latents(inputs)
        return self.action_net(latent_pi), self.values(latent_vf)

    def head_values(self, inputs: torch.Tensor) -> torch.Tensor:
        """Values (n, n_heads) alone."""
        if self.learns_encoder:
            inputs = self.features_extractor(self._preprocess(inputs))
        return self.values(self.mlp_extractor.forward_critic(inputs))

    def head_params(self, inputs: torch.Tensor) -> torch.Tensor:
        """Action parameters (n, n_params) alone."""
        if self.learns_encoder:
            inputs = self.features_extractor(self._preprocess(inputs))
        return self.action_net(self.mlp_extractor.forward_actor(inputs))


class CnnActorCritic(ActorCritic):
    """The same on images, with the features of Mnih et al. 2015 unless another extractor is named."""

    default_extractor = NatureCNN


def is_image(space: gym.Space) -> bool:
    """Whether observations are images, (C, H, W) uint8."""
    return isinstance(space, spaces.Box) and len(space.shape) == 3 and space.dtype.name == "uint8"
