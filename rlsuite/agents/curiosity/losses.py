"""The formulas of curiosity, one function each, on tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def forward_error(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Half the squared distance of (n, d) predictions from targets: (n,).

    Reference:
        Pathak et al. 2017, arXiv:1705.05363, equations 5 and 6.
    """
    return 0.5 * (predicted - target).square().sum(-1)


def disagreement(predictions: torch.Tensor) -> torch.Tensor:
    """Variance over K models of (K, n, d) predictions, mean over features: (n,).

    Reference:
        Pathak et al. 2019, arXiv:1906.04161, equation 1.
    """
    return predictions.var(dim=0, correction=0).mean(-1)


def elliptical_bonus(features: torch.Tensor, inverse_covariance: torch.Tensor) -> torch.Tensor:
    """φᵀ C⁻¹ φ for (n, d) features and (n, d, d) inverse covariances: (n,).

    Reference:
        Henaff et al. 2022, arXiv:2210.05805, section 3.1.
    """
    return torch.einsum("ni,nij,nj->n", features, inverse_covariance, features)


def rank_one_update(inverse_covariance: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """The inverse of C + φφᵀ from the inverse of C (Sherman and Morrison 1950): (n, d, d)."""
    u = torch.einsum("nij,nj->ni", inverse_covariance, features)
    scale = 1.0 + (features * u).sum(-1)
    return inverse_covariance - u[:, :, None] * u[:, None, :] / scale[:, None, None]


def elliptical_visit(inverse_covariance: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """`elliptical_bonus` (n,), and `rank_one_update` of ``inverse_covariance`` in place, sharing their product."""
    u = torch.bmm(inverse_covariance, features[:, :, None])
    bonus = torch.bmm(features[:, None], u)
    inverse_covariance.baddbmm_(u / (1.0 + bonus), u.transpose(1, 2), alpha=-1.0)
    return bonus[:, 0, 0].clamp_min(0.0)


def episodic_similarity(
    squared_distances: torch.Tensor, mean_squared: torch.Tensor | float, epsilon: float, cluster: float
) -> torch.Tensor:
    """Square root of the summed inverse kernel over (n, k) nearest squared distances: (n,).

    Distances are normalised by their running mean; an infinite one (fewer than k memories) counts as the mean.

    Reference:
        Badia et al. 2020, arXiv:2002.06038, equation 3 and algorithm 1.

    Deviation: the paper leaves missing neighbours out, which makes an episode's first bonuses a hundred
    times the others.
    """
    normalized = (squared_distances / (mean_squared + 1e-8) - cluster).clamp_min(0.0)
    normalized = torch.where(squared_distances.isfinite(), normalized, 1.0)
    return (epsilon / (normalized + epsilon)).sum(-1).sqrt()


def episodic_novelty(similarity: torch.Tensor, max_similarity: float, constant: float = 1e-3) -> torch.Tensor:
    """1 / (similarity + c), and 0 where the similarity exceeds its maximum.

    Reference:
        Badia et al. 2020, arXiv:2002.06038, algorithm 1.
    """
    return torch.where(similarity > max_similarity, 0.0, 1.0 / (similarity + constant))


def vae_loss(drawn: torch.Tensor, target: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Negative evidence bound with unit-variance pixels, per sample (n,), up to a constant.

    Reference:
        Kingma and Welling 2014, arXiv:1312.6114, equation 10.
    """
    reconstruction = 0.5 * (drawn - target).square().flatten(1).sum(-1)
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(-1)
    return reconstruction + divergence


def action_loss(logits: torch.Tensor, action: torch.Tensor, n_actions: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss (n,) and accuracy () of predicted actions.

    Discrete: cross-entropy in nats and the share predicted right. Continuous: half the squared error and
    the share of variance explained, clipped at 0.
    """
    if n_actions is not None:
        loss = F.cross_entropy(logits, action.reshape(-1), reduction="none")
        return loss, (logits.argmax(-1) == action.reshape(-1)).float().mean()
    flat = action.reshape(len(action), -1).float()
    error = (logits - flat).square()
    spread = (flat - flat.mean(0)).square().sum().clamp_min(1e-8)
    return 0.5 * error.sum(-1), (1.0 - error.sum() / spread).clamp_min(0.0)
