"""The intrinsic curiosity module: the reward is how badly the next observation was predicted."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import nn

from rlsuite.agents.contracts import Batch, RewardContext
from rlsuite.agents.curiosity.base import CuriosityReward, Metrics
from rlsuite.agents.curiosity.config import IcmConfig
from rlsuite.agents.curiosity.losses import action_loss, forward_error, vae_loss
from rlsuite.agents.curiosity.networks import (
    Encoder,
    ForwardModel,
    InverseModel,
    Painter,
    ResidualForwardModel,
    is_image,
)


def make(config: IcmConfig, context: RewardContext) -> IcmReward:
    """Build the reward; what the registry's entry ``icm`` resolves to."""
    return IcmReward(config, context)


class IcmNetworks(nn.Module):
    """Encoder φ, forward model, and what shapes φ (inverse model or painter, or nothing)."""

    def __init__(self, config: IcmConfig, shape: tuple[int, ...], action_dim: int) -> None:
        super().__init__()
        self.encoder = Encoder(shape, config.encoder, config.feature_dim, config.hidden)
        size = self.encoder.size
        target = pixel_count(shape) if config.features == "pixels" else size
        model = ForwardModel if config.forward_model == "mlp" else ResidualForwardModel
        self.forward_model = model(size, action_dim, config.hidden, target)
        if config.features == "inverse":
            self.inverse_model = InverseModel(size, config.hidden, action_dim)
        if config.features == "vae":
            self.log_variance = nn.Linear(size, size)
            nn.init.zeros_(self.log_variance.weight)
            nn.init.zeros_(self.log_variance.bias)
            self.painter = Painter(size, shape, config.hidden)
        if config.features == "random":
            self.encoder.requires_grad_(False)


def pixel_count(shape: tuple[int, ...]) -> int:
    """Numbers in what the ``pixels`` variant predicts: the newest channel, or the whole vector."""
    return int(np.prod(shape[1:] if is_image(shape) else (shape or (1,))))


def newest_pixels(x: torch.Tensor) -> torch.Tensor:
    """The newest channel of pictures (n, C, H, W), or vectors, flat: (n, d)."""
    return (x[:, -1] if x.dim() == 4 else x).flatten(1)


class IcmReward(CuriosityReward):
    """Prediction error of the next observation's features as a reward.

    The features φ are trained by telling the action from what was seen before and after it, so that they hold
    what the agent's actions touch and leave out what they do not (``features: inverse``); or are random, or a
    VAE's. With ``pixels`` the newest picture itself is predicted.

    Args:
        config: The reward's section.
        context: Spaces, device and seed.

    Reference:
        Pathak et al. 2017, arXiv:1705.05363, equations 2 to 7; Burda et al. 2018, arXiv:1808.04355.

    Deviation: the preset ``pathak2017`` adds the bonus to the environment's reward without clipping the
    sum to [-1, 1], and leaves the LSTM to the learner.
    """

    config: IcmConfig

    def __init__(self, config: IcmConfig, context: RewardContext) -> None:
        super().__init__(config, context, "icm")
        self.networks = cast(IcmNetworks, self.model)

    def build(self) -> nn.Module:
        """Encoder and models."""
        return IcmNetworks(self.config, self.input_shape, self.actions.size)

    # -- scoring -------------------------------------------------------------------------------

    def raw_bonus(self, batch: Batch, training: bool) -> torch.Tensor:
        """η times half the squared error of the predicted features."""
        error = self.in_chunks(batch, self._error)
        return self.config.eta * error.reshape(batch.leading_shape)

    def _error(self, batch: Batch) -> torch.Tensor:
        phi, target = self._input_and_target(batch)
        return forward_error(self.networks.forward_model(phi, self.actions(batch.action)), target)

    def _input_and_target(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of what is seen before, and what the forward model is to predict."""
        if self.config.features == "pixels":
            return self.networks.encoder(self.prepare(batch.obs)), newest_pixels(self.prepare(batch.next_obs))
        return self.both_features(batch, self.networks.encoder)

    # -- training ------------------------------------------------------------------------------

    def loss(self, batch: Batch) -> tuple[torch.Tensor, Metrics]:
        """Forward loss plus the loss that shapes the features, both means over the batch."""
        config, networks = self.config, self.networks
        phi, next_phi = self._input_and_target(batch)
        detached = config.stop_gradient and config.features != "pixels"
        inputs, target = (phi.detach(), next_phi.detach()) if detached else (phi, next_phi)
        forward_loss = forward_error(networks.forward_model(inputs, self.actions(batch.action)), target).mean()
        shaping, metrics = self._shaping_loss(batch, phi, next_phi)
        loss = config.loss_scale * (config.forward_coef * forward_loss + config.inverse_coef * shaping)
        return loss, {"forward_loss": forward_loss.detach()} | metrics

    def _shaping_loss(self, batch: Batch, phi: torch.Tensor, next_phi: torch.Tensor) -> tuple[torch.Tensor, Metrics]:
        if self.config.features == "inverse":
            logits = self.networks.inverse_model(phi, next_phi)
            loss, accuracy = action_loss(logits, self.actions.index(batch.action), self.actions.n_actions)
            return loss.mean(), {"inverse_loss": loss.mean().detach(), "inverse_acc": accuracy.detach()}
        if self.config.features == "vae":
            log_variance = self.networks.log_variance(phi).clamp(-10.0, 10.0)
            noise = torch.randn(phi.shape, generator=self.generator, device=self.device)
            drawn = self.networks.painter(phi + noise * (0.5 * log_variance).exp())
            loss = vae_loss(drawn, self.prepare(batch.obs), phi, log_variance).mean()
            return loss, {"vae_loss": loss.detach()}
        return phi.new_zeros(()), {}
