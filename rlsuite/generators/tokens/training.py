"""What the trainings of token models share: AdamW with warm-up and cosine, clipped steps, averaged weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.generators.contracts import Device
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.tokens.config import TokenConfig
from rlsuite.generators.tokens.network import compiled_blocks
from rlsuite.generators.training import NetworkState

IGNORED = -100
"""A target that counts for nothing."""


class TokenState(NetworkState):
    """A token model's training; subclasses write `loss`.

    Args:
        config: The generator's section.
        model: The averaged model; a copy trains.
        data: What is learned from.
        seed: Of batches and noise.
        device: Where to compute.
    """

    def __init__(self, config: TokenConfig, model: nn.Module, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(config, data, seed=seed, device=device)
        self.model: Any = self.train_beside(model, "model")
        matrices = [p for p in self.model.parameters() if p.dim() >= 2]
        others = [p for p in self.model.parameters() if p.dim() < 2]
        groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
        betas = (0.9, config.beta2)
        self.optimizers["model"] = torch.optim.AdamW(groups, config.learning_rate, betas=betas, foreach=True)

    def loss(self) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss of the next batch, and what else to log."""
        raise NotImplementedError

    def step(self) -> Mapping[str, Tensor | float]:
        """One gradient step."""
        optimizer, rate = self.optimizers["model"], warm_cosine(self.config, self.transformer_steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with self.autocast(), compiled_blocks(self.config.compile and self.device.type == "cuda"):
            loss, metrics = self.loss()
        norm = self.descend_clipped(optimizer, loss, self.model, self.config.clip)
        self.end_step()
        return {"loss": loss.detach(), "grad_norm": norm, "learning_rate": rate, **metrics}

    @property
    def transformer_steps(self) -> int:
        """Steps that the transformer has taken."""
        return self.n_steps


def warm_cosine(config: Any, taken: int) -> float:
    """The step size after ``taken`` steps: warm-up, then a cosine to a tenth.

    Args:
        config: A section with ``learning_rate``, ``warmup_steps`` and ``decay_steps``.
        taken: Steps taken so far.
    """
    rate = config.learning_rate * min(1.0, (taken + 1) / max(config.warmup_steps, 1))
    if config.decay_steps is None:
        return rate
    done = min(1.0, max(0, taken - config.warmup_steps) / max(1, config.decay_steps - config.warmup_steps))
    return rate * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """Mean nats per token that counts; scores (batch, n, vocabulary), targets (batch, n) or `IGNORED`."""
    return F.cross_entropy(scores.reshape(-1, scores.shape[-1]).float(), targets.reshape(-1), ignore_index=IGNORED)
