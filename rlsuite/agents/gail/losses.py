"""GAIL's formulas: rewards made of logits, the discriminator's losses. The expert's logits are high."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

RewardForm = Literal["gail", "log_d", "airl", "fairl"]


def reward_from_logits(logits_expert_is_high: Tensor, form: RewardForm, clip: float = 20.0) -> Tensor:
    """The reward of each logit h, with D = sigmoid(h) the probability of being the expert's.

    Args:
        logits_expert_is_high: Any shape.
        form: ``gail`` -log(1 - D) = softplus(h); ``log_d`` log D = -softplus(-h); ``airl``
            log D - log(1 - D) = h; ``fairl`` -h exp(h).
        clip: Logits are clamped to +- clip first.

    Returns:
        Rewards of the same shape.

    Reference:
        Ho & Ermon 2016, arXiv:1606.03476 (their code: -log(1 - D) with the expert as 1);
        Fu et al. 2018, arXiv:1710.11248 (airl); Ghasemipour et al. 2020, arXiv:1911.02256 (fairl).
    """
    h = logits_expert_is_high.clamp(-clip, clip)
    if form == "gail":
        return softplus(h)
    if form == "log_d":
        return -softplus(-h)
    if form == "airl":
        return h
    return -h * h.exp()


def balanced_bce(expert_logits: Tensor, policy_logits: Tensor) -> Tensor:
    """Binary cross-entropy with the expert as 1, each class counting one half whatever its size.

    Args:
        expert_logits: (n,).
        policy_logits: (m,).

    Returns:
        Scalar loss, log 2 at logits 0.
    """
    return 0.5 * (softplus(-expert_logits).mean() + softplus(policy_logits).mean())


def mixup_bce(mixed_logits: Tensor, expert_share: Tensor) -> Tensor:
    """Binary cross-entropy of mixtures against their share of expert, both (n,).

    Reference:
        Zhang et al. 2018, arXiv:1710.09412; for discriminators Chen et al. 2020, arXiv:1902.06292.
    """
    return (softplus(mixed_logits) - expert_share * mixed_logits).mean()


def bernoulli_entropy(logits: Tensor) -> Tensor:
    """Entropy of sigmoid(logits) in nats, same shape, between 0 and log 2."""
    return softplus(logits) - torch.sigmoid(logits) * logits


def gradient_penalty(input_gradients: Tensor, target: float) -> Tensor:
    """Mean squared distance of the gradients' norms from the target.

    Args:
        input_gradients: (n, d), gradient of each logit with respect to its own input.
        target: Norm that costs nothing: 1 in WGAN-GP, 0 in AMP.

    Returns:
        Scalar.

    Reference:
        Gulrajani et al. 2017, arXiv:1704.00028; Mescheder et al. 2018, arXiv:1801.04406 (target 0 on data).
    """
    if target == 0:
        return input_gradients.square().sum(-1).mean()
    norms = (input_gradients.square().sum(-1) + 1e-12).sqrt()  # the root has no gradient at 0
    return (norms - target).square().mean()
