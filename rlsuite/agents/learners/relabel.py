"""Rewards of transitions from replay, computed when they are drawn and never stored."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rlsuite.agents.contracts import AbsorbingReward, Batch, LearnedReward


def total_reward(rewards: Sequence[LearnedReward], batch: Batch, extrinsic_coef: float) -> torch.Tensor:
    """The weighted sum of the environment's reward and the learned ones, of the batch's leading shape."""
    total = batch.reward * extrinsic_coef
    for r in rewards:
        if r.weight != 0.0:
            total = total + r.weight * r.reward(batch)
    return total


def absorbing_value(rewards: Sequence[LearnedReward], gamma: float) -> torch.Tensor | float:
    """What follows a terminal state is worth this much: 0 unless a learned reward values it."""
    total: torch.Tensor | float = 0.0
    for r in rewards:
        if r.weight != 0.0 and isinstance(r, AbsorbingReward):
            total = total + r.weight * r.absorbing_value(gamma)
    return total
