"""The clipped surrogate objective and the value losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch


class Minibatch(NamedTuple):
    """Rows of a rollout, n of them, in one order.

    Attributes:
        inputs: What the networks read, (n, ...).
        action: (n, *action_shape), before clipping.
        log_prob: Of the policy that collected, (n,).
        advantage: (n,), all streams summed by weight.
        target: Of the value heads, (n, n_heads).
        value: Of the policy that collected, (n, n_heads).
    """

    inputs: torch.Tensor
    action: torch.Tensor
    log_prob: torch.Tensor
    advantage: torch.Tensor
    target: torch.Tensor
    value: torch.Tensor


METRICS = ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction", "loss", "grad_norm")


@dataclass(frozen=True)
class LossSettings:
    """What the loss of one update depends on."""

    clip_range: float
    clip_range_vf: float | None
    ent_coef: float
    vf_coef: float
    normalize_advantage: bool


def normalize(x: torch.Tensor) -> torch.Tensor:
    """Mean 0, standard deviation 1 (unbiased, plus 1e-8), as stable-baselines3 does per minibatch."""
    if x.numel() < 2:
        return x
    std, mean = torch.std_mean(x)
    return (x - mean).div_(std + 1e-8)


def ppo_loss(
    batch: Minibatch, log_prob: torch.Tensor, entropy: torch.Tensor, value: torch.Tensor, settings: LossSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss to descend and, without gradient, the first six of `METRICS`.

    Args:
        batch: The data.
        log_prob: Of the batch's actions under the present parameters, (n,).
        entropy: Of the present policy, (n,) or ().
        value: Present values, (n, n_heads).
        settings: Clip ranges and coefficients.

    Reference:
        Schulman et al. 2017, arXiv:1707.06347, equations 7 and 9.
    """
    advantage = normalize(batch.advantage) if settings.normalize_advantage else batch.advantage
    log_ratio = log_prob - batch.log_prob
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - settings.clip_range, 1 + settings.clip_range)
    policy_loss = -torch.min(advantage * ratio, advantage * clipped).mean()
    if settings.clip_range_vf is not None:
        value = batch.value + (value - batch.value).clamp(-settings.clip_range_vf, settings.clip_range_vf)
    value_loss = (value - batch.target).square().mean(0).sum()
    entropy_loss = -entropy.mean()
    loss = policy_loss + settings.ent_coef * entropy_loss + settings.vf_coef * value_loss
    with torch.no_grad():
        approx_kl = (ratio - 1 - log_ratio).mean()  # http://joschu.net/blog/kl-approx.html
        clip_fraction = ((ratio - 1).abs() > settings.clip_range).float().mean()
        metrics = torch.stack([policy_loss, value_loss, entropy_loss, approx_kl, clip_fraction, loss])
    return loss, metrics
