"""One pass of gradient steps over minibatches of a rollout."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from rlsuite.agents.learners.flat import FlatAdam, FlatParameters
from rlsuite.agents.learners.losses import METRICS, LossSettings, Minibatch, ppo_loss
from rlsuite.agents.learners.policy import ActorCritic


def minibatches(data: Minibatch, order: torch.Tensor, size: int) -> Iterator[Minibatch]:
    """Cut the rows of ``data``, taken in ``order``, into minibatches; gathers each tensor once."""
    shuffled = Minibatch(*(x.index_select(0, order) for x in data))
    yield from (Minibatch(*parts) for parts in zip(*(x.split(size) for x in shuffled), strict=True))


class PolicyUpdate:
    """Gradient steps on the clipped surrogate, by autograd: any policy, any device.

    Args:
        policy: Whose parameters move.
        flat: The same parameters, flat.
        optimizer: Adam over ``flat.param``.
        max_grad_norm: Bound of the common gradient norm.
    """

    def __init__(self, policy: ActorCritic, flat: FlatParameters, optimizer: FlatAdam, max_grad_norm: float) -> None:
        self.policy = policy
        self.flat = flat
        self.optimizer = optimizer
        self.max_grad_norm = max_grad_norm

    def minibatches(
        self, data: Minibatch, permutation: Callable[[int], torch.Tensor], batch_size: int
    ) -> Iterator[Minibatch]:
        """One pass over the rows of the rollout, in random order."""
        return minibatches(data, permutation(len(data.log_prob)), batch_size)

    def gradient(self, batch: Minibatch, settings: LossSettings) -> torch.Tensor:
        """Put the gradient of the loss into ``flat.grad`` and return the first six of `METRICS`."""
        params, value = self.policy.heads(batch.inputs)
        log_prob, entropy = self.policy.head.log_prob_entropy(params, self.policy.std_param, batch.action)
        loss, metrics = ppo_loss(batch, log_prob, entropy, value, settings)
        self.flat.zero_grad()
        loss.backward()
        return metrics

    def step(self, batch: Minibatch, settings: LossSettings) -> torch.Tensor:
        """One gradient step; returns `METRICS`."""
        metrics = self.gradient(batch, settings)
        norm = self.flat.clip_grad_norm(self.max_grad_norm)
        self.optimizer.fast_step()
        return torch.cat([metrics, norm[None]])

    def run(
        self,
        data: Minibatch,
        settings: LossSettings,
        *,
        n_epochs: int,
        batch_size: int,
        permutation: Callable[[int], torch.Tensor],
        target_kl: float | None,
    ) -> tuple[dict[str, torch.Tensor], int]:
        """Make ``n_epochs`` passes in random order.

        Returns:
            Means of `METRICS` over the gradient steps (0-d tensors), and the number of passes begun.
        """
        total = torch.zeros(len(METRICS), device=data.log_prob.device)
        steps = 0
        for epoch in range(n_epochs):
            for batch in self.minibatches(data, permutation, batch_size):
                steps += 1
                if target_kl is None:
                    total += self.step(batch, settings)
                    continue
                metrics = self.gradient(batch, settings)
                total[:-1] += metrics
                if float(metrics[3]) > 1.5 * target_kl:
                    return dict(zip(METRICS, total / steps, strict=True)), epoch + 1
                total[-1] += self.flat.clip_grad_norm(self.max_grad_norm)
                self.optimizer.fast_step()
        return dict(zip(METRICS, total / max(steps, 1), strict=True)), n_epochs
