"""SAC's gradient step for any networks, by autograd; `sac_fused` does the same for plain ones, faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from rlsuite.agents.learners.sac_losses import (
    StepBatch,
    actor_loss,
    cloning_loss,
    critic_loss,
    q_values,
    soft_target,
    squashed_sample,
)

if TYPE_CHECKING:
    from rlsuite.agents.learners.sac import SAC


def autograd_step(learner: SAC, batch: StepBatch) -> torch.Tensor:
    """Steps of the critics, then one of the actor, the entropy coefficient and the target critics.

    Returns:
        The `METRICS`, of the last minibatch.
    """
    alpha = learner.log_ent_coef.detach().exp()
    n, steps = batch.obs.shape[1], len(batch.obs)
    with torch.no_grad():
        next_obs = batch.next_obs.flatten(0, 1)
        next_action, next_log_prob = squashed_sample(learner.actor, next_obs, batch.next_noise.flatten(0, 1))
        next_q = q_values(learner.critic_target, next_obs, next_action)
        flat = batch.reward.flatten(), batch.terminated.flatten()
        target = soft_target(*flat, next_q, next_log_prob, alpha, learner.gamma, batch.absorbing).view(steps, n)
    q = loss_q = target
    for obs, action, wanted in zip(batch.obs, batch.action, target, strict=True):
        q = q_values(learner.critic, obs, action)
        loss_q = critic_loss(q, wanted)
        learner.flat_critic.zero_grad()
        loss_q.backward()
        learner._critic_adam.fast_step()
    loss_pi, alpha_loss = _actor_step(learner, batch, alpha)
    with torch.no_grad():
        learner.flat_target.param.lerp_(learner.flat_critic.param, 1 - (1 - learner.tau) ** steps)
        return torch.stack([loss_q, loss_pi, alpha[0], alpha_loss, q.mean(), batch.reward[-1].mean()])


def _actor_step(learner: SAC, batch: StepBatch, alpha: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the actor's and the entropy coefficient's losses."""
    action, log_prob = squashed_sample(learner.actor, batch.obs[-1], batch.noise)
    q = q_values(learner.critic, batch.obs[-1], action)
    loss = actor_loss(q, log_prob, alpha)
    alpha_loss = -(learner.log_ent_coef * (log_prob.detach() + learner.target_entropy)).mean()
    total = loss + alpha_loss
    if batch.demo_obs is not None and batch.demo_action is not None:
        scale = batch.bc_coef * q.detach().min(dim=1).values.mean().abs()
        mean_action = torch.tanh(learner.actor.mu(learner.actor.latent_pi(batch.demo_obs)))
        total = total + cloning_loss(mean_action, batch.demo_action, scale)
    if batch.moves_actor:
        learner.flat_actor.zero_grad()
        total.backward(inputs=learner.flat_actor.parameters)  # the critics need no gradient here
        learner._actor_adam.fast_step()
    return loss.detach(), alpha_loss.detach()
