"""The gradients of the discriminator's objective: by autograd, or written out by hand.

The two agree (a test compares them). On a CPU autograd's bookkeeping costs ten times the arithmetic of a network this
small; by hand, the second derivatives that the penalty needs are a few more products.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlsuite.agents.gail.config import GailConfig
from rlsuite.agents.gail.discriminator import Discriminator
from rlsuite.agents.gail.losses import balanced_bce, bernoulli_entropy, gradient_penalty, mixup_bce


@dataclass(frozen=True)
class Rows:
    """A minibatch: n rows of the expert, n of the policy, n mixtures.

    Attributes:
        inputs: (3n, d), in this order.
        share: Share of expert in each mixture, (n,).
        penalised: Which rows the gradient penalty is taken at.
    """

    inputs: Tensor
    share: Tensor
    penalised: slice


def mix(expert: Tensor, policy: Tensor, share: Tensor, config: GailConfig) -> Rows:
    """Rows of n transitions of each class (n, d) and the shares of their mixtures (n, 1)."""
    n = len(expert)
    penalised = slice(0, n) if config.gradient_penalty == "expert" else slice(2 * n, 3 * n)
    return Rows(torch.cat([expert, policy, share * expert + (1 - share) * policy]), share.squeeze(-1), penalised)


def autograd_step(network: Discriminator, rows: Rows, config: GailConfig) -> dict[str, Tensor]:
    """Write the parameters' gradients, by autograd; returns the metrics."""
    logits, gradients = network.logits_and_gradients(rows.inputs, rows.penalised, config.dropout)
    loss, penalty, entropy = _terms(logits, gradients, rows, config)
    network.zero_grad(set_to_none=False)
    (loss + config.gradient_penalty_coef * penalty - config.entropy_coef * entropy).backward()
    return _metrics(logits.detach(), gradients.detach(), loss.detach(), penalty.detach(), entropy.detach())


@torch.no_grad()
def step_by_hand(network: Discriminator, rows: Rows, config: GailConfig) -> dict[str, Tensor]:
    """The same, written out.

    With u = g * slope and g = u W going down the layers, the input's gradient is the last g; the penalty's
    gradient goes back up that chain, and what it says of the slopes (tanh's alone depend on the input) joins
    the ordinary backward pass.
    """
    spectra = network.spectra()
    weights = network.effective_weights(spectra)
    hidden, masks = network.hidden(rows.inputs, weights, config.dropout)
    logits = torch.addmm(network.biases[-1], hidden[-1], weights[-1].mT).squeeze(-1)
    slopes = [network.slope(h, mask) for h, mask in zip(hidden, masks, strict=True)]
    chain, products = [weights[-1]], []
    for weight, slope in zip(reversed(weights[:-1]), reversed(slopes), strict=True):
        products.insert(0, chain[0] * slope[rows.penalised])
        chain.insert(0, products[0] @ weight)
    found = [torch.zeros_like(w) for w in weights]
    curved: list[Tensor | None] = [None] * len(hidden)
    if config.gradient_penalty_coef:
        back = _by_gradients(chain[0], config)
        for i, product in enumerate(products):
            torch.mm(product.mT, back, out=found[i])
            back = back @ weights[i].mT
            if network.activation == "tanh":
                curved[i] = back * chain[i + 1] * _curvature(network, hidden[i], masks[i], slopes[i], rows.penalised)
            back = back * slopes[i][rows.penalised]
        torch.sum(back, 0, keepdim=True, out=found[-1])
    biases = _back_through(rows, weights, hidden, slopes, curved, _by_logits(logits, rows, config)[None], found)
    for i, spectrum in enumerate(spectra):  # W / s with s = left W right
        within = torch.dot(found[i].flatten(), weights[i].flatten())
        found[i].addr_(spectrum.left * -within, spectrum.right).div_(spectrum.value)
    for parameter, grad in zip([*network.weights, *network.biases], [*found, *biases], strict=True):
        assert parameter.grad is not None
        parameter.grad.copy_(grad)
    return _metrics(logits, chain[0], *_terms(logits, chain[0], rows, config))


def _back_through(
    rows: Rows,
    weights: list[Tensor],
    hidden: list[Tensor],
    slopes: list[Tensor],
    curved: list[Tensor | None],
    by_logit: Tensor,
    found: list[Tensor],
) -> list[Tensor]:
    """The ordinary backward pass from (1, 3n): adds to the weights' gradients ``found``, returns the biases'."""
    found[-1].addmm_(by_logit, hidden[-1])
    biases = [by_logit.sum(1)]
    by_hidden = by_logit.mT * weights[-1]
    for i in range(len(hidden) - 1, -1, -1):
        by_sum = by_hidden.mul_(slopes[i])
        if (extra := curved[i]) is not None:
            by_sum[rows.penalised] += extra
        found[i].addmm_(by_sum.mT, hidden[i - 1] if i else rows.inputs)
        biases.insert(0, by_sum.sum(0))
        by_hidden = by_sum @ weights[i] if i else by_sum
    return biases


def _terms(logits: Tensor, gradients: Tensor, rows: Rows, config: GailConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Classification loss, gradient penalty and entropy."""
    n = len(rows.share)
    loss = mixup_bce(logits[2 * n :], rows.share) if config.mixup else balanced_bce(logits[:n], logits[n : 2 * n])
    penalty = gradient_penalty(gradients, config.gradient_penalty_target)
    return loss, penalty, bernoulli_entropy(logits[: 2 * n]).mean()


def _by_logits(logits: Tensor, rows: Rows, config: GailConfig) -> Tensor:
    """Gradient (3n,) of the classification loss less the entropy bonus."""
    n, d = len(rows.share), torch.sigmoid(logits)
    grad = torch.zeros_like(logits)
    if config.mixup:
        torch.sub(d[2 * n :], rows.share, out=grad[2 * n :]).div_(n)
    else:
        torch.div(d[:n] - 1, 2 * n, out=grad[:n])
        torch.div(d[n : 2 * n], 2 * n, out=grad[n : 2 * n])
    if config.entropy_coef:
        both = d[: 2 * n]
        grad[: 2 * n] += logits[: 2 * n] * both * (1 - both) * (config.entropy_coef / (2 * n))
    return grad


def _by_gradients(gradients: Tensor, config: GailConfig) -> Tensor:
    """Gradient of the weighted penalty by the input gradients (m, d); see `losses.gradient_penalty`."""
    factor = 2.0 * config.gradient_penalty_coef / len(gradients)
    if config.gradient_penalty_target == 0:
        return gradients * factor
    norms = (gradients.square().sum(-1, keepdim=True) + 1e-12).sqrt()
    return gradients * (1 - config.gradient_penalty_target / norms).mul_(factor)


def _curvature(network: Discriminator, hidden: Tensor, mask: Tensor | None, slope: Tensor, rows: slice) -> Tensor:
    """Derivative of tanh's slope by what goes into it, -2 tanh slope."""
    return -2.0 * network.unmasked(hidden[rows], None if mask is None else mask[rows]) * slope[rows]


def _metrics(logits: Tensor, gradients: Tensor, loss: Tensor, penalty: Tensor, entropy: Tensor) -> dict[str, Tensor]:
    expert, policy = logits[: len(logits) // 3 * 2].view(2, -1)
    return {
        "disc_loss": loss,
        "disc_acc_expert": (expert > 0).float().mean(),
        "disc_acc_policy": (policy < 0).float().mean(),
        "disc_entropy": entropy,
        "grad_penalty": penalty,
        "grad_norm": gradients.norm(dim=-1).mean(),
        "logit_expert": expert.mean(),
        "logit_policy": policy.mean(),
    }
