"""Soft actor-critic's squashed Gaussian, target and losses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.sac.policies import LOG_STD_MAX, LOG_STD_MIN, Actor

from rlsuite.agents.learners.actions import HALF_LOG_2PI


@dataclass(frozen=True)
class StepBatch:
    """What one group of gradient steps learns from; K critic steps of n transitions each.

    Attributes:
        obs: (K, n, features), as the networks see them.
        action: (K, n, action_dim), in (-1, 1).
        reward: (K, n), the learned rewards' included.
        terminated: (K, n), bool.
        next_obs: (K, n, features).
        noise: (n, action_dim), standard normal, of the actor's step (on the last minibatch).
        next_noise: (K, n, action_dim), of the next actions.
        absorbing: Value of what follows a terminal state.
        moves_actor: Whether actor and entropy coefficient move too.
        demo_obs: (m, features) demonstrated observations; None: the actor clones nothing.
        demo_action: (m, action_dim) demonstrated actions, in [-1, 1].
        bc_coef: Weight of the cloning error, in units of the mean absolute value.
    """

    obs: torch.Tensor
    action: torch.Tensor
    reward: torch.Tensor
    terminated: torch.Tensor
    next_obs: torch.Tensor
    noise: torch.Tensor
    next_noise: torch.Tensor
    absorbing: torch.Tensor | float
    moves_actor: bool = True
    demo_obs: torch.Tensor | None = None
    demo_action: torch.Tensor | None = None
    bc_coef: float = 0.0


def squashed_sample(actor: Actor, features: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """An action in (-1, 1) per row and its log-probability.

    Args:
        actor: stable-baselines3's.
        features: (n, features).
        noise: Standard normal, (n, action_dim).

    Returns:
        Action (n, action_dim) and log-probability (n,), in nats.

    Reference:
        Haarnoja et al. 2018, arXiv:1812.05905, appendix C; 1e-6 inside the logarithm as in stable-baselines3.
    """
    latent = actor.latent_pi(features)
    mean = actor.mu(latent)
    log_std = actor.log_std(latent).clamp(LOG_STD_MIN, LOG_STD_MAX)  # type: ignore[operator]
    action = torch.tanh(mean + log_std.exp() * noise)
    gaussian = -0.5 * noise.square() - log_std - HALF_LOG_2PI
    return action, (gaussian - torch.log(1 - action.square() + 1e-6)).sum(-1)


def q_values(critic: ContinuousCritic, features: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    """Values of every critic, (n, n_critics)."""
    inputs = torch.cat([features, action], dim=1)
    return torch.cat([q(inputs) for q in critic.q_networks], dim=1)


def soft_target(
    reward: torch.Tensor,
    terminated: torch.Tensor,
    next_q: torch.Tensor,
    next_log_prob: torch.Tensor,
    alpha: torch.Tensor,
    gamma: float,
    absorbing_value: torch.Tensor | float = 0.0,
) -> torch.Tensor:
    """R + γ (min Q' - α log π'), or r + γ absorbing_value after a terminal state; all (n,).

    A transition cut by a clock counts as not terminated.
    """
    alive = next_q.min(dim=1).values - alpha * next_log_prob
    return reward + gamma * torch.where(terminated, torch.as_tensor(absorbing_value, dtype=alive.dtype), alive)


def critic_loss(q: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Half the sum over critics of the mean squared error; q (n, n_critics), target (n,)."""
    return 0.5 * (q - target[:, None]).square().mean(0).sum()


def actor_loss(q: torch.Tensor, log_prob: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """Mean of α log π - min Q; q (n, n_critics)."""
    return (alpha * log_prob - q.min(dim=1).values).mean()


def cloning_loss(mean_action: torch.Tensor, demo_action: torch.Tensor, scale: torch.Tensor | float) -> torch.Tensor:
    """Mean squared error of squashed mean actions, times ``scale``; both (m, action_dim)."""
    return scale * (mean_action - demo_action).square().mean()
