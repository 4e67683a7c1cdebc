"""Random network distillation: the reward is how badly a random network's output was guessed."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from rlsuite.agents.contracts import Batch, RewardContext
from rlsuite.agents.curiosity.base import CuriosityReward, Metrics
from rlsuite.agents.curiosity.config import RndConfig
from rlsuite.agents.curiosity.losses import forward_error
from rlsuite.agents.curiosity.networks import Encoder, initialize


def make(config: RndConfig, context: RewardContext) -> RndReward:
    """Build the reward; what the registry's entry ``rnd`` resolves to."""
    return RndReward(config, context)


class RndNetworks(nn.Module):
    """A target that is never trained and a predictor with two more layers."""

    def __init__(self, config: RndConfig, shape: tuple[int, ...]) -> None:
        super().__init__()
        size = config.feature_dim or 512
        self.target = Encoder(shape, config.encoder, size, config.hidden)
        self.target.requires_grad_(False)
        first = Encoder(shape, config.encoder, size, config.hidden)
        rest = nn.Sequential(nn.ReLU(), nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size))
        initialize(rest)
        self.predictor = nn.Sequential(first, rest)


class RndReward(CuriosityReward):
    """Half the squared error of a predictor of a fixed random network, at the successor.

    Args:
        config: The reward's section.
        context: Spaces, device and seed.
        name: Prefix of its metrics.

    Reference:
        Burda et al. 2019, arXiv:1810.12894, section 2.2.

    Deviation: the observation statistics begin with the first rollout, not with steps of a random agent.
    """

    config: RndConfig

    def __init__(self, config: RndConfig, context: RewardContext, name: str = "rnd") -> None:
        super().__init__(config, context, name)
        self.networks = cast(RndNetworks, self.model)

    def build(self) -> nn.Module:
        """Target and predictor."""
        return RndNetworks(self.config, self.input_shape)

    def raw_bonus(self, batch: Batch, training: bool) -> torch.Tensor:
        """The predictor's error at the successor."""
        return self.in_chunks(batch.flatten(), self.error).reshape(batch.leading_shape)

    def error(self, batch: Batch) -> torch.Tensor:
        """Half the squared error (n,) at the successors of a flat batch."""
        inputs = self.prepare(batch.next_obs)
        return forward_error(self.networks.predictor(inputs), self.networks.target(inputs))

    def loss(self, batch: Batch) -> tuple[torch.Tensor, Metrics]:
        """The mean error."""
        loss = self.error(batch).mean()
        return loss, {"predictor_loss": loss.detach()}
