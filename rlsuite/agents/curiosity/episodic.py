"""Bonuses that remember the episode: E3B and nearest-neighbour novelty, on inverse-dynamics features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from rlsuite.agents.contracts import Batch, RewardContext
from rlsuite.agents.curiosity.base import CuriosityReward, Metrics
from rlsuite.agents.curiosity.config import E3bConfig, NoveltyConfig, RndConfig
from rlsuite.agents.curiosity.losses import (
    action_loss,
    elliptical_visit,
    episodic_novelty,
    episodic_similarity,
)
from rlsuite.agents.curiosity.networks import Encoder, InverseModel
from rlsuite.agents.curiosity.rnd import RndReward

MAX_LIFELONG = 5.0
"""Badia et al. 2020, table 5: L, the largest lifelong factor."""


def make_e3b(config: E3bConfig, context: RewardContext) -> E3bReward:
    """Build the reward; what the registry's entry ``e3b`` resolves to."""
    return E3bReward(config, context)


def make_novelty(config: NoveltyConfig, context: RewardContext) -> NoveltyReward:
    """Build the reward; what the registry's entry ``episodic_novelty`` resolves to."""
    return NoveltyReward(config, context)


class InverseNetworks(nn.Module):
    """An encoder that is trained to tell the action."""

    def __init__(self, encoder: Encoder, hidden: int, action_dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.inverse_model = InverseModel(encoder.size, hidden, action_dim)


class EpisodicReward(CuriosityReward):
    """Base of rewards that compare each successor with what the episode has seen so far.

    Subclasses keep a memory per environment: `fresh_memory`, `visit` (bonus of one step of every
    environment, then remember it), `forget` (where episodes ended). Batches that are not the learner's
    own get a memory of their own; without a time dimension every transition is an episode.
    """

    remembers_start = False
    """Whether an episode's first observation enters the memory (without a bonus): needs `remember`."""
    memory: dict[str, torch.Tensor]
    watched: tuple[int, dict[str, torch.Tensor]] | None = None
    """Memory of who plays along in single steps (a film), and of how many environments."""

    def __init__(self, config: E3bConfig | NoveltyConfig, context: RewardContext, name: str) -> None:
        super().__init__(config, context, name)
        self.networks = cast(InverseNetworks, self.model)
        self.memory = self.fresh_memory(context.n_envs)

    def build(self) -> nn.Module:
        """Encoder and inverse model."""
        c = self.config
        return InverseNetworks(
            Encoder(self.input_shape, c.encoder, c.feature_dim, c.hidden), c.hidden, self.actions.size
        )

    def fresh_memory(self, n_envs: int) -> dict[str, torch.Tensor]:
        """The memory of ``n_envs`` episodes that begin."""
        raise NotImplementedError

    def visit(self, memory: dict[str, torch.Tensor], features: torch.Tensor, training: bool) -> torch.Tensor:
        """Bonus (n_envs,) of features (n_envs, d), and remember them."""
        raise NotImplementedError

    def forget(self, memory: dict[str, torch.Tensor], ended: torch.Tensor) -> None:
        """Clear the memory of environments whose episode ended, (n_envs,) bool."""
        raise NotImplementedError

    def raw_bonus(self, batch: Batch, training: bool) -> torch.Tensor:
        """Walk through time, each environment with its own episode's memory."""
        features = self.in_chunks(batch.flatten(), lambda b: self.networks.encoder(self.prepare(b.next_obs)))
        shape = batch.leading_shape if batch.reward.dim() == 2 else torch.Size((1, len(batch.reward)))
        features = features.reshape(*shape, -1)
        memory = self.memory if training else self._onlooker(batch, shape)
        ended = (batch.terminated | batch.truncated).reshape(shape)
        begins = self._beginnings(batch, shape) if self.remembers_start else {}
        rows = []
        for t in range(shape[0]):
            if t in begins:
                self.remember(memory, *begins[t])
            rows.append(self.visit(memory, features[t], training))
            self.forget(memory, ended[t])
        return torch.stack(rows).reshape(batch.leading_shape)

    def _beginnings(self, batch: Batch, shape: torch.Size) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
        """Of each row in which episodes begin: the environments, and the features of their first observations."""
        flat = batch.flatten()
        where = flat.episode_start.nonzero().squeeze(-1)
        features = self.in_chunks(flat.select(where), lambda b: self.networks.encoder(self.prepare(b.obs)))
        rows, envs = where // shape[1], where % shape[1]
        return {t: (envs[rows == t], features[rows == t]) for t in rows.unique().tolist()}

    def remember(self, memory: dict[str, torch.Tensor], envs: torch.Tensor, features: torch.Tensor) -> None:
        """Take the first observations of the episodes of ``envs`` (k,) into the memory, features (k, d)."""
        raise NotImplementedError

    def _onlooker(self, batch: Batch, shape: torch.Size) -> dict[str, torch.Tensor]:
        """The memory for a batch that is not the learner's: kept from step to step for one that plays along."""
        if shape[0] > 1 or batch.reward.dim() == 1:
            return self.fresh_memory(shape[1])
        if self.watched is None or self.watched[0] != shape[1]:
            self.watched = (shape[1], self.fresh_memory(shape[1]))
        self.forget(self.watched[1], batch.episode_start[0])
        return self.watched[1]

    def loss(self, batch: Batch) -> tuple[torch.Tensor, Metrics]:
        """The inverse model's."""
        phi, next_phi = self.both_features(batch, self.networks.encoder)
        logits = self.networks.inverse_model(phi, next_phi)
        loss, accuracy = action_loss(logits, self.actions.index(batch.action), self.actions.n_actions)
        return loss.mean(), {"inverse_loss": loss.mean().detach(), "inverse_acc": accuracy.detach()}

    def memory_state(self) -> dict[str, Any]:
        """The episodes under way."""
        return {k: v.clone() for k, v in self.memory.items()}

    def load_memory_state(self, state: Mapping[str, Any]) -> None:
        """Bring them back."""
        self.memory = {k: state[k].to(self.device).clone() for k in self.memory}


class E3bReward(EpisodicReward):
    """φᵀ C⁻¹ φ with C the ridge plus the sum of φφᵀ over the episode so far.

    Args:
        config: The reward's section.
        context: Spaces, device and seed.

    Reference:
        Henaff et al. 2022, arXiv:2210.05805, algorithm 1.

    Deviation: the bonus belongs to the transition's successor, and an episode's first observation is
    remembered before the first bonus. Otherwise that one, which no action earned, is a hundred times any other.
    """

    config: E3bConfig
    remembers_start = True

    def __init__(self, config: E3bConfig, context: RewardContext) -> None:
        super().__init__(config, context, "e3b")

    def fresh_memory(self, n_envs: int) -> dict[str, torch.Tensor]:
        """Inverse covariances of the ridge alone."""
        eye = torch.eye(self.networks.encoder.size, device=self.device) / self.config.ridge
        return {"inverse_covariance": eye.repeat(n_envs, 1, 1)}

    def visit(self, memory: dict[str, torch.Tensor], features: torch.Tensor, training: bool) -> torch.Tensor:
        """Elliptical bonus and rank-one update, in place: they are bound by memory."""
        bonus = elliptical_visit(memory["inverse_covariance"], features)
        return torch.log1p(bonus) if self.config.logarithm else bonus

    def remember(self, memory: dict[str, torch.Tensor], envs: torch.Tensor, features: torch.Tensor) -> None:
        """Rank-one updates of some environments."""
        chosen = memory["inverse_covariance"][envs]
        elliptical_visit(chosen, features)
        memory["inverse_covariance"][envs] = chosen

    def forget(self, memory: dict[str, torch.Tensor], ended: torch.Tensor) -> None:
        """Back to the ridge."""
        if ended.any():
            memory["inverse_covariance"][ended] = self.fresh_memory(1)["inverse_covariance"]


class NoveltyReward(EpisodicReward):
    """One over the similarity to the nearest states of this episode, if wished times lifelong novelty.

    Args:
        config: The reward's section.
        context: Spaces, device and seed.

    Reference:
        Badia et al. 2020, arXiv:2002.06038, section 2.
    """

    config: NoveltyConfig

    def __init__(self, config: NoveltyConfig, context: RewardContext) -> None:
        self.mean_squared = torch.zeros(2, device=context.device)  # sum and count of neighbours' squared distances
        super().__init__(config, context, "episodic_novelty")
        self.lifelong = None
        if config.lifelong:
            section = RndConfig(encoder=config.encoder, hidden=config.hidden, normalize=False)
            self.lifelong = RndReward(section, context)
            self.error_moments = torch.zeros(3, device=context.device)  # count, sum, sum of squares

    def fresh_memory(self, n_envs: int) -> dict[str, torch.Tensor]:
        """No states."""
        return {
            "states": torch.zeros(n_envs, self.config.memory, self.networks.encoder.size, device=self.device),
            "filled": torch.zeros(n_envs, dtype=torch.int64, device=self.device),
        }

    def visit(self, memory: dict[str, torch.Tensor], features: torch.Tensor, training: bool) -> torch.Tensor:
        """Similarity to the nearest states, then remember this one."""
        states, filled = memory["states"], memory["filled"]
        squared = self._distances(states, filled, features)
        missing = max(0, self.config.n_neighbours - squared.shape[1])
        squared = torch.nn.functional.pad(squared, (0, missing), value=torch.inf)
        nearest = squared.topk(self.config.n_neighbours, largest=False).values
        known = nearest.isfinite()
        if training:
            sums = torch.where(known, nearest, 0.0).sum(), known.sum()
            self.mean_squared = self.mean_squared + torch.stack([s.float() for s in sums])
        mean = self.mean_squared[0] / self.mean_squared[1].clamp_min(1.0)
        similarity = episodic_similarity(nearest, mean, self.config.kernel_epsilon, self.config.cluster_distance)
        row = torch.arange(len(features), device=self.device)
        states[row, filled % self.config.memory] = features
        memory["filled"] = filled + 1
        return episodic_novelty(similarity, self.config.max_similarity)

    def _distances(self, states: torch.Tensor, filled: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Squared distances (n_envs, longest) to what is remembered, infinite where nothing is."""
        longest = max(1, min(int(filled.max()), self.config.memory))
        squared = (states[:, :longest] - features[:, None]).square().sum(-1)
        slot = torch.arange(longest, device=self.device)
        return torch.where(slot[None] < filled[:, None], squared, torch.inf)

    def forget(self, memory: dict[str, torch.Tensor], ended: torch.Tensor) -> None:
        """Begin anew."""
        memory["filled"] = torch.where(ended, 0, memory["filled"])

    def raw_bonus(self, batch: Batch, training: bool) -> torch.Tensor:
        """Episodic novelty, times lifelong novelty if wished."""
        bonus = super().raw_bonus(batch, training)
        return bonus if self.lifelong is None else bonus * self._lifelong_factor(batch, training)

    def _lifelong_factor(self, batch: Batch, training: bool) -> torch.Tensor:
        """1 + the standardised error of the random network's predictor, between 1 and 5."""
        assert self.lifelong is not None
        if training and self.lifelong.obs_scale.count == 0:
            self.lifelong.obs_scale.update(self.lifelong.look(batch.flatten().next_obs))
        error = self.lifelong.raw_bonus(batch, training)
        if training:
            count = torch.tensor(float(error.numel()), device=self.device)
            self.error_moments = self.error_moments + torch.stack([count, error.sum(), error.square().sum()])
        n, total, squares = self.error_moments.unbind()
        mean = total / n.clamp_min(1)
        std = (squares / n.clamp_min(1) - mean.square()).clamp_min(1e-8).sqrt()
        return (1.0 + (error - mean) / std).clamp(1.0, MAX_LIFELONG)

    def update(self, batch: Batch) -> dict[str, torch.Tensor | float]:
        """Train the encoder, and the lifelong predictor if there is one."""
        metrics = super().update(batch)
        if self.lifelong is not None:
            metrics["lifelong_loss"] = self.lifelong.update(batch)["predictor_loss"]
        return metrics

    def memory_state(self) -> dict[str, Any]:
        """Episodes, distance statistics, lifelong novelty."""
        state = super().memory_state() | {"mean_squared": self.mean_squared.clone()}
        if self.lifelong is not None:
            state |= {"lifelong": self.lifelong.state_dict(), "error_moments": self.error_moments.clone()}
        return state

    def load_memory_state(self, state: Mapping[str, Any]) -> None:
        """Bring them back."""
        super().load_memory_state(state)
        self.mean_squared = state["mean_squared"].to(self.device).clone()
        if self.lifelong is not None:
            self.lifelong.load_state_dict(state["lifelong"])
            self.error_moments = state["error_moments"].to(self.device).clone()
