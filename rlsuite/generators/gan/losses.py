"""The losses of discriminator and generator; logits are high for real images."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

Loss = Literal["vanilla", "hinge", "lsgan"]


def real_loss(logits: Tensor, loss: Loss) -> Tensor:
    """What the discriminator pays for real images, mean over the batch."""
    if loss == "vanilla":
        return F.softplus(-logits).mean()
    return F.relu(1 - logits).mean() if loss == "hinge" else (logits - 1).square().mean()


def fake_loss(logits: Tensor, loss: Loss) -> Tensor:
    """What the discriminator pays for generated images, mean over the batch."""
    if loss == "vanilla":
        return F.softplus(logits).mean()
    return F.relu(1 + logits).mean() if loss == "hinge" else logits.square().mean()


def judged_right(on_real: Tensor, on_fake: Tensor) -> dict[str, Tensor]:
    """Shares of real and of generated images that the discriminator takes for what they are, as metrics."""
    return {"acc_real": (on_real.detach() > 0).float().mean(), "acc_fake": (on_fake.detach() < 0).float().mean()}


def generator_loss(logits: Tensor, loss: Loss) -> Tensor:
    """What the generator pays, mean over the batch; -log D, the non-saturating form, where that is a choice."""
    if loss == "vanilla":
        return F.softplus(-logits).mean()
    return -logits.mean() if loss == "hinge" else (logits - 1).square().mean()
