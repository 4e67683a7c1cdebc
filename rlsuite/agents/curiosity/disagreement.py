"""Disagreement: the reward is how much an ensemble's predictions of the next features differ."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from rlsuite.agents.contracts import Batch, RewardContext
from rlsuite.agents.curiosity.base import CuriosityReward, Metrics
from rlsuite.agents.curiosity.config import DisagreementConfig
from rlsuite.agents.curiosity.losses import action_loss, disagreement, forward_error
from rlsuite.agents.curiosity.networks import Encoder, ForwardModel, InverseModel


def make(config: DisagreementConfig, context: RewardContext) -> DisagreementReward:
    """Build the reward; what the registry's entry ``disagreement`` resolves to."""
    return DisagreementReward(config, context)


class DisagreementNetworks(nn.Module):
    """One encoder, several forward models."""

    def __init__(self, config: DisagreementConfig, shape: tuple[int, ...], action_dim: int) -> None:
        super().__init__()
        self.encoder = Encoder(shape, config.encoder, config.feature_dim, config.hidden)
        size = self.encoder.size
        self.models = nn.ModuleList(ForwardModel(size, action_dim, config.hidden) for _ in range(config.n_models))
        if config.features == "inverse":
            self.inverse_model = InverseModel(size, config.hidden, action_dim)
        else:
            self.encoder.requires_grad_(False)

    def predict(self, features: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        """Every model's prediction: (K, n, d)."""
        return torch.stack([model(features, action) for model in self.models])


class DisagreementReward(CuriosityReward):
    """Variance of the forward models' predictions, mean over features.

    Noise that no model can predict makes all of them predict its mean, and so agree: unlike prediction
    error, the reward dies out on it.

    Args:
        config: The reward's section.
        context: Spaces, device and seed.

    Reference:
        Pathak et al. 2019, arXiv:1906.04161, section 3.
    """

    config: DisagreementConfig

    def __init__(self, config: DisagreementConfig, context: RewardContext) -> None:
        super().__init__(config, context, "disagreement")
        self.networks = cast(DisagreementNetworks, self.model)

    def build(self) -> nn.Module:
        """Encoder and ensemble."""
        return DisagreementNetworks(self.config, self.input_shape, self.actions.size)

    def raw_bonus(self, batch: Batch, training: bool) -> torch.Tensor:
        """The ensemble's variance."""
        return self.in_chunks(batch.flatten(), self._variance).reshape(batch.leading_shape)

    def _variance(self, batch: Batch) -> torch.Tensor:
        features = self.networks.encoder(self.prepare(batch.obs))
        return disagreement(self.networks.predict(features, self.actions(batch.action)))

    def loss(self, batch: Batch) -> tuple[torch.Tensor, Metrics]:
        """Mean forward error of the models, each on its own part of the batch; features are left alone by it."""
        networks = self.networks
        phi, next_phi = self.both_features(batch, networks.encoder)
        predictions = networks.predict(phi.detach(), self.actions(batch.action))
        errors = forward_error(predictions, next_phi.detach())
        kept = torch.rand(errors.shape, generator=self.generator, device=self.device) < self.config.bootstrap
        forward_loss = (errors * kept).sum() / kept.sum().clamp_min(1)
        metrics = {"forward_loss": forward_loss.detach()}
        loss = forward_loss * self.config.n_models
        if self.config.features == "inverse":
            logits = networks.inverse_model(phi, next_phi)
            per_sample, accuracy = action_loss(logits, self.actions.index(batch.action), self.actions.n_actions)
            loss = loss + per_sample.mean()
            metrics |= {"inverse_loss": per_sample.mean().detach(), "inverse_acc": accuracy.detach()}
        return loss, metrics
