"""SAC's gradient step for plain networks, written out by hand.

Same losses, same gradients as `sac_autograd.autograd_step` (a test compares them). On a CPU autograd's bookkeeping
and its fresh buffers cost several times the arithmetic of small networks; here every critic goes through one
batched product, every result lies in a buffer made once, and present and next observations share a pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.sac.policies import LOG_STD_MAX, LOG_STD_MIN, Actor
from torch import Tensor, nn

from rlsuite.agents.learners.actions import HALF_LOG_2PI
from rlsuite.agents.learners.critics import LAYER_NORM_EPS, NormalizedActivation
from rlsuite.agents.learners.flat import FlatAdam, FlatParameters
from rlsuite.agents.learners.sac_losses import StepBatch

if TYPE_CHECKING:
    from rlsuite.agents.learners.sac import SAC

aten = torch.ops.aten


@dataclass
class Stack:
    """K networks of one shape, side by side: linear layers with one activation between them.

    Attributes:
        weights: Of each layer, (K, out, in), views of the flat parameters.
        biases: Of each layer, (K, 1, out), views likewise.
        weight_grads: Views of the flat gradient, written by `backward`.
        bias_grads: The same of the biases.
        tanh: Whether the activation is tanh; else ReLU.
        active_last: Whether the last layer has the activation too.
        layer_norm: Whether hidden layers are normalised before the activation, see `critics.NormalizedActivation`.
        outputs: What each layer gave last, (K, n, out).
        sums: The same before normalisation and activation, with mean and reciprocal standard deviation (K, n, 1).
    """

    weights: list[Tensor]
    biases: list[Tensor]
    weight_grads: list[Tensor]
    bias_grads: list[Tensor]
    tanh: bool
    active_last: bool = False
    layer_norm: bool = False
    outputs: list[Tensor] = field(default_factory=list)
    sums: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    slopes: list[Tensor] = field(default_factory=list)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (K, n, out) of inputs (K, n, in); remembers what the backward passes need."""
        if not self.outputs or self.outputs[0].shape[1] != x.shape[1]:
            self.outputs = [x.new_empty(len(w), x.shape[1], w.shape[1]) for w in self.weights]
            self.slopes = [torch.empty_like(h) for h in self.outputs]
        self.sums = []
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = self.outputs[i]
            torch.baddbmm(bias.expand_as(out), x, weight.mT, out=out)
            if self.active_last or i + 1 < len(self.weights):
                if self.layer_norm:
                    out, mean, rstd = torch.native_layer_norm(out, [out.shape[-1]], None, None, LAYER_NORM_EPS)
                    self.sums.append((self.outputs[i], mean, rstd))
                    self.outputs[i] = out
                out.tanh_() if self.tanh else out.relu_()
            x = out
        return x

    def backward(self, x: Tensor, grad: Tensor, n: int | None = None) -> None:
        """Write the parameters' gradients, given the inputs and the loss's gradient by the outputs.

        Args:
            x: What `forward` got.
            grad: (K, n, out).
            n: Rows that the gradient covers, the first ones; None: all.
        """
        for i in range(len(self.weights) - 1, -1, -1):
            grad = self._through_activation(i, grad, n)
            below = self.outputs[i - 1] if i else x
            torch.bmm(grad.mT, below[:, : grad.shape[1]], out=self.weight_grads[i])
            torch.sum(grad, 1, keepdim=True, out=self.bias_grads[i])
            if i:
                grad = torch.bmm(grad, self.weights[i], out=self.slopes[i - 1][:, :n])

    def input_gradient(self, grad: Tensor, first: int) -> Tensor:
        """The loss's gradient (K, n, in - first) by the inputs from column ``first`` on; parameters get none."""
        for i in range(len(self.weights) - 1, -1, -1):
            grad = self._through_activation(i, grad, None)
            if i:
                grad = torch.bmm(grad, self.weights[i], out=self.slopes[i - 1])
        return torch.bmm(grad, self.weights[0][:, :, first:])

    def _through_activation(self, i: int, grad: Tensor, n: int | None) -> Tensor:
        """In place where ``grad`` is a buffer of this stack's own."""
        if not self.active_last and i + 1 == len(self.weights):
            return grad
        out = self.outputs[i][:, :n]
        if self.tanh:
            grad = aten.tanh_backward.grad_input(grad, out, grad_input=grad)
        else:
            grad = aten.threshold_backward.grad_input(grad, out, 0, grad_input=grad)
        if not self.layer_norm:
            return grad
        x, mean, rstd = (t[:, :n] for t in self.sums[i])
        return aten.native_layer_norm_backward(grad, x, [x.shape[-1]], mean, rstd, None, None, [True, False, False])[0]


def stacked(networks: list[nn.Sequential], flat: FlatParameters, *, active_last: bool = False) -> Stack:
    """A `Stack` over networks of one shape whose parameters lie one after the other in ``flat``."""
    layers = [[m for m in network if isinstance(m, nn.Linear)] for network in networks]
    normed = [m for m in networks[0] if isinstance(m, NormalizedActivation)]
    tanh = any(isinstance(m, nn.Tanh) for m in ([m.activation for m in normed] or networks[0]))
    weights, biases, weight_grads, bias_grads = [], [], [], []
    for same in zip(*layers, strict=True):
        weights.append(_stride(flat.param.detach(), [m.weight for m in same], flat))
        biases.append(_stride(flat.param.detach(), [m.bias for m in same], flat).unsqueeze(1))
        weight_grads.append(_stride(flat.grad, [m.weight for m in same], flat))
        bias_grads.append(_stride(flat.grad, [m.bias for m in same], flat).unsqueeze(1))
    return Stack(weights, biases, weight_grads, bias_grads, tanh, active_last, bool(normed))


def _stride(flat: Tensor, same: list[Tensor], owner: FlatParameters) -> Tensor:
    """The parameters ``same``, one of each network, as one view (K, *shape) of a flat tensor."""
    base = owner.param.data_ptr()
    starts = [(p.data_ptr() - base) // p.element_size() for p in same]
    step = starts[1] - starts[0] if len(starts) > 1 else same[0].numel()
    assert all(b - a == step for a, b in pairwise(starts)), "networks must lie evenly"
    inner = torch.empty(same[0].shape, device="meta").stride()
    return flat.as_strided((len(same), *same[0].shape), (step, *inner), starts[0])


@dataclass
class FusedStep:
    """A group of critic steps and one step of actor, entropy coefficient and target critics."""

    trunk: Stack
    heads: Stack
    critics: Stack
    targets: Stack
    flat_critic: FlatParameters
    flat_target: FlatParameters
    actor_adam: FlatAdam
    critic_adam: FlatAdam
    log_alpha: Tensor
    target_entropy: float
    gamma: float
    tau: float

    @torch.no_grad()
    def __call__(self, batch: StepBatch) -> Tensor:
        """Update everything; see `sac_autograd.autograd_step`."""
        obs, alpha = batch.obs[-1], float(self.log_alpha.exp())
        shown = obs[:0] if batch.demo_obs is None else batch.demo_obs
        every = torch.cat([obs, shown, batch.next_obs.flatten(0, 1)])
        no_noise = batch.noise.new_zeros(len(shown), batch.noise.shape[1])
        sample = self._sample(every, torch.cat([batch.noise, no_noise, batch.next_noise.flatten(0, 1)]))
        target = self._target(batch, sample, alpha)
        x = torch.cat([batch.obs, batch.action], 2)
        q, error = target, target
        for row, wanted in zip(x, target, strict=True):
            q, error = self._step_critics(row, wanted)
        q_mean = float(q.mean())  # before the actor's step overwrites the buffer
        loss_q = float(torch.linalg.vector_norm(error)) ** 2 * (0.5 * len(obs))  # the error is divided by n
        loss_pi, alpha_loss = self._step_actor(batch, every, sample, alpha) if batch.moves_actor else (0.0, 0.0)
        self.flat_target.param.lerp_(self.flat_critic.param, 1 - (1 - self.tau) ** len(x))
        return torch.tensor([loss_q, loss_pi, alpha, alpha_loss, q_mean, float(batch.reward[-1].mean())])

    def _sample(self, features: Tensor, noise: Tensor) -> _Sample:
        """As `sac_losses.squashed_sample`, keeping what the gradient needs."""
        hidden = self.trunk.forward(features[None])
        mean, raw = self.heads.forward(hidden.expand(2, -1, -1))
        log_std = raw.clamp(LOG_STD_MIN, LOG_STD_MAX)
        spread = log_std.exp().mul_(noise)
        action = mean.add_(spread).tanh_()
        slack = action.square().neg_().add_(1 + 1e-6)
        terms = torch.addcmul(log_std, noise, noise, value=0.5).add_(slack.log())
        log_prob = terms.sum(-1).neg_().sub_(HALF_LOG_2PI * action.shape[1])
        return _Sample(action, log_prob, spread, slack, raw == log_std)

    def _target(self, batch: StepBatch, sample: _Sample, alpha: float) -> Tensor:
        """(steps, n); see `sac_losses.soft_target`."""
        next_obs = batch.next_obs.flatten(0, 1)
        n = len(sample.action) - len(next_obs)
        next_q = _both_q(self.targets, torch.cat([next_obs, sample.action[n:]], 1)).amin(0)
        alive = next_q.sub_(sample.log_prob[n:], alpha=alpha).view(batch.reward.shape)
        return torch.where(batch.terminated, batch.absorbing, alive).mul_(self.gamma).add_(batch.reward)

    def _step_critics(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Values (K, n) before the step, and their errors divided by n."""
        x = x.expand(len(self.critics.weights[0]), *x.shape)
        q = self.critics.forward(x).squeeze(-1)
        error = torch.sub(q, target).mul_(1.0 / len(target))
        self.critics.backward(x, error.unsqueeze(-1))
        self.critic_adam.fast_step()
        return q, error

    def _step_actor(self, batch: StepBatch, every: Tensor, sample: _Sample, alpha: float) -> tuple[float, float]:
        """∂/∂u = (1 - a²)(2 α a / (1 - a² + 1e-6) / n - ∂minQ/∂a / n) for u before the tanh; u = mean + σ noise."""
        obs = batch.obs[-1]
        n = len(obs)
        action, slack = sample.action[:n], sample.slack[:n]
        q = _both_q(self.critics, torch.cat([obs, action], 1))
        least, index = q.min(0)
        value = float(least.mean())
        chosen = torch.zeros_like(q).scatter_(0, index[None], -1.0 / n)
        grad = self.critics.input_gradient(chosen.unsqueeze(-1), obs.shape[1]).sum(0)
        grad.addcdiv_(action, slack, value=2.0 * alpha / n).mul_(slack.sub_(1e-6))
        by_log_std = torch.mul(grad, sample.spread[:n]).sub_(alpha / n).mul_(sample.inside[:n])
        by_both = torch.stack([grad, by_log_std])
        if batch.demo_action is not None:
            by_both = torch.cat([by_both, self._cloning_gradient(batch, sample, abs(value))], 1)
        self._write_actor(every, by_both)
        log_prob = float(sample.log_prob[:n].mean())
        gap = log_prob + self.target_entropy
        if self.log_alpha.grad is not None:  # it is learned
            self.log_alpha.grad.fill_(-gap)
        log_alpha = float(self.log_alpha)
        self.actor_adam.fast_step()
        return alpha * log_prob - value, -log_alpha * gap

    @staticmethod
    def _cloning_gradient(batch: StepBatch, sample: _Sample, scale: float) -> Tensor:
        """Of `sac_losses.cloning_loss` by mean and log std before the tanh, (2, m, action_dim); the latter is 0."""
        wanted, n = batch.demo_action, len(batch.noise)
        assert wanted is not None
        rows = slice(n, n + len(wanted))
        action, slope = sample.action[rows], sample.slack[rows] - 1e-6
        grad = (action - wanted).mul_(slope).mul_(2.0 * batch.bc_coef * scale / wanted.numel())
        return torch.stack([grad, torch.zeros_like(grad)])

    def _write_actor(self, features: Tensor, grad: Tensor) -> None:
        """Gradients of the actor from those of mean and log std, (2, n, action_dim), of the first n features."""
        hidden, n = self.trunk.outputs[-1], grad.shape[1]
        self.heads.backward(hidden.expand(2, -1, -1), grad, n)
        below = self.trunk.slopes[-1][:, :n]
        torch.bmm(grad[:1], self.heads.weights[0][:1], out=below)
        below.baddbmm_(grad[1:], self.heads.weights[0][1:])
        self.trunk.backward(features[None], below, n)


def _both_q(critics: Stack, x: Tensor) -> Tensor:
    """Values (K, n) of inputs (n, in)."""
    return critics.forward(x.expand(len(critics.weights[0]), *x.shape)).squeeze(-1)


@dataclass
class _Sample:
    action: Tensor
    log_prob: Tensor
    spread: Tensor
    slack: Tensor
    inside: Tensor


def is_plain(actor: Actor, critic: ContinuousCritic, device: torch.device) -> bool:
    """Whether `FusedStep` can compute these networks' gradients."""
    networks = [actor.latent_pi, *critic.q_networks]
    known = (nn.Linear, nn.ReLU, nn.Tanh, NormalizedActivation)
    plain = all(isinstance(m, known) for network in networks for m in network)  # type: ignore[union-attr]
    simple = isinstance(actor.mu, nn.Linear) and not actor.use_sde and type(actor) is Actor
    learned_features = any(p.requires_grad for p in actor.features_extractor.parameters())
    return plain and simple and not learned_features and len(actor.latent_pi) > 0 and device.type == "cpu"


def fused_step(learner: SAC) -> FusedStep | None:
    """The step for a learner's networks; None where they are not `is_plain`."""
    actor, critic, target = learner.actor, learner.critic, learner.critic_target
    if not is_plain(actor, critic, learner.device):
        return None
    heads: list[Any] = [nn.Sequential(actor.mu), nn.Sequential(actor.log_std)]  # type: ignore[arg-type]
    return FusedStep(
        trunk=stacked([actor.latent_pi], learner.flat_actor, active_last=True),  # type: ignore[list-item]
        heads=stacked(heads, learner.flat_actor),
        critics=stacked(list(critic.q_networks), learner.flat_critic),  # type: ignore[arg-type]
        targets=stacked(list(target.q_networks), learner.flat_target),  # type: ignore[arg-type]
        flat_critic=learner.flat_critic,
        flat_target=learner.flat_target,
        actor_adam=learner._actor_adam,
        critic_adam=learner._critic_adam,
        log_alpha=learner.log_ent_coef,
        target_entropy=float(learner.target_entropy),
        gamma=learner.gamma,
        tau=learner.tau,
    )
