"""What the curiosity rewards share: the order of scoring and scaling, minibatches, state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from rlsuite.agents.contracts import Batch, RewardContext
from rlsuite.agents.curiosity.config import CuriosityConfig
from rlsuite.agents.curiosity.networks import ActionCode, build_seeded, is_image
from rlsuite.agents.curiosity.pairing import PairedBatch, Pairing
from rlsuite.agents.curiosity.scaling import ActionRatio, ObservationScale, RecentReturnScale
from rlsuite.agents.gail.optimizer import adam_state, load_adam_state
from rlsuite.errors import UserError
from rlsuite.runs.seeding import torch_stream

CHUNK = 1024
"""Transitions scored at once: bounds memory, fits caches."""

Metrics = dict[str, torch.Tensor]


class CuriosityReward:
    """Base of the curiosity rewards: subclasses give `raw_bonus` and `loss`.

    `reward` scores, divides by what is usual for the action (if asked), and divides by the running
    standard deviation of the discounted sum (if asked). Statistics and memories follow the learner's own
    rollouts (several steps of all its environments) and no other batches, such as a film's single steps.
    `update` takes Adam steps on minibatches. Randomness comes from a generator of its own.

    Args:
        config: The reward's section.
        context: Spaces, device and seed.
        name: Prefix of its metrics.
    """

    def __init__(self, config: CuriosityConfig, context: RewardContext, name: str) -> None:
        space = context.observation_space
        if getattr(space, "shape", None) is None or not hasattr(space, "low"):
            raise UserError(f"the {name} reward needs array observations (a Box space), not {space}")
        self.config, self.context, self.name = config, context, name
        self.weight, self.gamma, self.n_steps = config.weight, config.gamma, 0
        self.episodic, self.value_head = config.episodic, config.value_head
        self.device, self.shape = context.device, tuple(space.shape)
        self.generator = torch_stream(context.seed, name, context.device)
        self.actions = ActionCode(context.action_space)
        self.obs_scale = ObservationScale(self.input_shape, is_image(self.shape), config.whiten, self.device)
        discount = context.gamma if config.gamma is None else config.gamma
        self.return_scale = RecentReturnScale(context.n_envs, discount, config.scale_window, self.device)
        self.ratio = None
        if config.ratio_per_action and self.actions.n_actions is not None:
            self.ratio = ActionRatio(self.actions.n_actions, config.ratio_cap, self.device)
        self.model = build_seeded(context.seed, f"{name}/parameters", self.build).to(self.device)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=config.learning_rate) if trained else None
        self.raw_mean, self.raw_std = torch.zeros((), device=self.device), torch.zeros((), device=self.device)

    # -- what a method gives -------------------------------------------------------------------

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of what the networks see of one observation: the newest pictures of a stack, or the whole vector."""
        frames = self.config.frames
        if frames is None or not is_image(self.shape):
            return self.shape
        return (min(frames, self.shape[0]), *self.shape[1:])

    def build(self) -> nn.Module:
        """Its networks, as one module."""
        raise NotImplementedError

    def raw_bonus(self, batch: Batch, training: bool) -> torch.Tensor:
        """Bonus of every transition, of the batch's leading shape, before any scaling.

        ``training`` is False for batches that are not the learner's own: they may change no state.
        """
        raise NotImplementedError

    def loss(self, batch: Batch) -> tuple[torch.Tensor, Metrics]:
        """Loss () and metrics of a flat minibatch."""
        raise NotImplementedError

    # -- the learned-reward contract -----------------------------------------------------------

    @torch.no_grad()
    def reward(self, batch: Batch) -> torch.Tensor:
        """The bonus, float32, of the batch's leading shape."""
        training = self.is_rollout(batch)
        if training and self.obs_scale.count == 0:
            self.obs_scale.update(self.look(batch.flatten().next_obs))
        bonus = self.raw_bonus(batch, training)
        if self.config.mask_terminal:
            bonus = bonus * ~batch.terminated
        if training:
            self.raw_mean, self.raw_std = bonus.mean(), bonus.std()
        return self._scale(bonus, batch, training).float()

    def _scale(self, bonus: torch.Tensor, batch: Batch, training: bool) -> torch.Tensor:
        if self.ratio is not None:
            flat, action = bonus.reshape(-1), self.actions.index(batch.action)
            if training:
                self.ratio.update(flat, action)
            bonus = self.ratio(flat, action).reshape(bonus.shape)
        if not self.config.normalize:
            return bonus
        if not training:
            return self.return_scale.scale.divide(bonus)
        ended = batch.terminated | batch.truncated
        return self.return_scale(bonus, ended if self.episodic else torch.zeros_like(ended))

    def update(self, batch: Batch) -> dict[str, torch.Tensor | float]:
        """Train on the batch; the means of the minibatches' metrics."""
        pairing = Pairing(batch)
        self._age(pairing.n)
        self.obs_scale.update(self.look(pairing.flat.next_obs))
        sums: dict[str, torch.Tensor] = {}
        n_steps = 0
        for index in self._minibatches(pairing):
            for key, value in self._step(pairing.cut(index)).items():
                sums[key] = sums[key] + value if key in sums else value
            n_steps += 1
        metrics: dict[str, torch.Tensor | float] = {k: v / n_steps for k, v in sums.items()}
        weight = {} if self.config.weight_half_life is None else {"weight": self.weight}
        return metrics | {"bonus_mean": self.raw_mean, "bonus_std": self.raw_std} | weight

    def _age(self, n_steps: int) -> None:
        """Let the weight decay by that many env steps."""
        self.n_steps += n_steps
        if self.config.weight_half_life is not None:
            self.weight = self.config.weight * 0.5 ** (self.n_steps / self.config.weight_half_life)

    def _minibatches(self, pairing: Pairing) -> list[torch.Tensor]:
        """Indices of every minibatch, in this reward's own order."""
        if self.optimizer is None:
            return []
        out: list[torch.Tensor] = []
        for _ in range(self.config.n_epochs):
            order = pairing.shuffled(self.config.run_length, self.generator)
            if self.config.mask_terminal:
                order = order[~pairing.flat.terminated[order]]
            size, kept = self.config.batch_size, self.config.update_proportion
            for begin in range(0, len(order), size):
                batch = order[begin : begin + size]
                out.append(batch[: max(1, round(len(batch) * kept))])
        return out

    def _step(self, batch: Batch) -> Metrics:
        assert self.optimizer is not None
        loss, metrics = self.loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach()} | metrics

    # -- helpers for methods -------------------------------------------------------------------

    def is_rollout(self, batch: Batch) -> bool:
        """Whether the batch is the learner's own rollout, which statistics and memories follow."""
        shape = batch.leading_shape
        return len(shape) == 2 and shape[0] > 1 and shape[1] == self.context.n_envs

    def look(self, obs: torch.Tensor) -> torch.Tensor:
        """The part of raw observations that the networks see: the newest channels of pictures."""
        return obs[:, -self.input_shape[0] :] if is_image(self.shape) else obs

    def prepare(self, obs: torch.Tensor) -> torch.Tensor:
        """Network inputs of raw observations."""
        return self.obs_scale(self.look(obs))

    def both_features(self, batch: Batch, encoder: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of what each transition begins and ends with, each observation encoded once."""
        if not isinstance(batch, PairedBatch):
            return encoder(self.prepare(batch.obs)), encoder(self.prepare(batch.next_obs))
        obs, after = batch.distinct()
        features = encoder(self.prepare(obs))
        return features[: len(after)], features[after]

    def in_chunks(self, batch: Batch, score: Any) -> torch.Tensor:
        """``score`` of every transition, flat, a bounded number at a time."""
        pairing = Pairing(batch)
        rows = [torch.arange(a, min(a + CHUNK, pairing.n), device=self.device) for a in range(0, pairing.n, CHUNK)]
        parts = [score(pairing.cut(index)) for index in rows]
        return torch.cat(parts) if parts else torch.zeros(0, device=self.device)

    # -- state ---------------------------------------------------------------------------------

    def memory_state(self) -> dict[str, Any]:
        """What a method remembers beside its networks."""
        return {}

    def load_memory_state(self, state: Mapping[str, Any]) -> None:
        """Bring `memory_state` back."""

    def state_dict(self) -> dict[str, Any]:
        """Networks, optimiser, statistics, memory, random stream."""
        return {
            "model": {k: v.clone() for k, v in self.model.state_dict().items()},
            "optimizer": [] if self.optimizer is None else adam_state(self.optimizer),
            "obs_scale": self.obs_scale.state_dict(),
            "return_scale": self.return_scale.state_dict(),
            "ratio": {} if self.ratio is None else self.ratio.state_dict(),
            "raw": [self.raw_mean.clone(), self.raw_std.clone()],
            "memory": self.memory_state(),
            "n_steps": self.n_steps,
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Bring `state_dict` back."""
        self.model.load_state_dict(state["model"])
        if self.optimizer is not None:
            load_adam_state(self.optimizer, state["optimizer"])
        self.obs_scale.load_state_dict(state["obs_scale"])
        self.return_scale.load_state_dict(state["return_scale"])
        if self.ratio is not None:
            self.ratio.load_state_dict(state["ratio"])
        self.raw_mean, self.raw_std = (x.to(self.device) for x in state["raw"])
        self.n_steps = 0
        self._age(int(state.get("n_steps", 0)))  # checkpoints of before 22 November 2026 do not say
        self.load_memory_state(state["memory"])
        self.generator.set_state(state["generator"].cpu())
