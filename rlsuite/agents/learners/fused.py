"""The gradient of PPO's loss for plain networks with Gaussian actions, written out by hand.

Same loss, same gradient as `update.PolicyUpdate` (a test compares them); autograd's bookkeeping costs
more than the arithmetic of a 64-64 network on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from rlsuite.agents.learners.actions import HALF_LOG_2PI, GaussianHead
from rlsuite.agents.learners.losses import LossSettings, Minibatch, normalize
from rlsuite.agents.learners.policy import ActorCritic
from rlsuite.agents.learners.update import PolicyUpdate


@dataclass
class Tower:
    """A stack of linear layers, one activation between them, with buffers for one minibatch size.

    Attributes:
        layers: Linear layers; the last has no activation. Their gradients are overwritten in place.
        activation: ``nn.Tanh`` or ``nn.ReLU``.
        outputs: What each layer gave last, after the activation.
    """

    layers: list[nn.Linear]
    activation: type[nn.Module]
    outputs: list[torch.Tensor]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (n, out) of inputs (n, in); remembers what `backward` needs."""
        if not self.outputs or len(self.outputs[0]) != len(x):
            self.outputs = [x.new_empty(len(x), layer.out_features) for layer in self.layers]
        for i, layer in enumerate(self.layers):
            out = self.outputs[i]
            torch.addmm(layer.bias, x, layer.weight.t(), out=out)
            if i + 1 < len(self.layers):
                out.tanh_() if self.activation is nn.Tanh else out.relu_()
            x = out
        return x

    def backward(self, x: torch.Tensor, grad: torch.Tensor) -> None:
        """Write the parameters' gradients, given the inputs and the loss's gradient by the outputs."""
        for i in range(len(self.layers) - 1, -1, -1):
            layer, below = self.layers[i], self.outputs[i - 1] if i else x
            torch.mm(grad.t(), below, out=layer.weight.grad)
            torch.sum(grad, 0, out=layer.bias.grad)
            if i:
                grad = torch.mm(grad, layer.weight)
                if self.activation is nn.Tanh:
                    grad = torch.ops.aten.tanh_backward(grad, below)
                else:
                    grad = torch.ops.aten.threshold_backward(grad, below, 0)


def is_plain(policy: ActorCritic) -> bool:
    """Whether `FusedUpdate` can compute this policy's gradient."""
    return (
        isinstance(policy.head, GaussianHead)
        and not policy.learns_encoder
        and policy.activation_fn in (nn.Tanh, nn.ReLU)
        and policy.device.type == "cpu"
        and type(policy).heads is ActorCritic.heads
    )


class FusedUpdate(PolicyUpdate):
    """`PolicyUpdate` with the gradient by hand; for policies that are `is_plain`."""

    def __init__(self, policy: ActorCritic, *args, **kwargs) -> None:
        super().__init__(policy, *args, **kwargs)
        towers = policy.mlp_extractor
        hidden_pi = [m for m in towers.policy_net if isinstance(m, nn.Linear)]
        hidden_vf = [m for m in towers.value_net if isinstance(m, nn.Linear)]
        assert isinstance(policy.action_net, nn.Linear)
        self.pi = Tower([*hidden_pi, policy.action_net], policy.activation_fn, [])
        self.vf = Tower([*hidden_vf, policy.value_net], policy.activation_fn, [])
        self.own = policy.own_value_net

    @torch.no_grad()
    def gradient(self, batch: Minibatch, settings: LossSettings) -> torch.Tensor:
        """Put the gradient of the loss into ``flat.grad`` and return the first six of `METRICS`."""
        policy_loss, kl, clip_fraction = self._policy_gradient(batch, settings).unbind()
        value_loss = self._value_gradient(batch, settings)
        log_std = self.policy.log_std
        entropy = log_std.sum() + log_std.numel() * (0.5 + HALF_LOG_2PI)
        loss = policy_loss - settings.ent_coef * entropy + settings.vf_coef * value_loss
        return torch.stack([policy_loss, value_loss, -entropy, kl, clip_fraction, loss])

    def _policy_gradient(self, batch: Minibatch, settings: LossSettings) -> torch.Tensor:
        """∂loss/∂mean = g z/σ and ∂loss/∂logσ = Σ g (z² - 1) - ent_coef, with g = -A ratio/n where not clipped.

        Returns:
            Policy loss, approximate KL divergence and clip fraction, (3,).
        """
        log_std = self.policy.log_std
        mean = self.pi.forward(batch.inputs)
        inverse = torch.exp(-log_std)
        z = (batch.action.flatten(1) - mean).mul_(inverse)
        square = z.square()
        constant = log_std.sum() + log_std.numel() * HALF_LOG_2PI
        log_ratio = square.sum(1).mul_(-0.5).sub_(constant).sub_(batch.log_prob)
        ratio = log_ratio.exp()
        advantage = normalize(batch.advantage) if settings.normalize_advantage else batch.advantage
        plain = advantage * ratio
        clipped = ratio.clamp(1 - settings.clip_range, 1 + settings.clip_range).mul_(advantage)
        g = torch.where(plain <= clipped, plain, 0.0).mul_(-1.0 / len(plain))
        assert log_std.grad is not None
        torch.mv(square.sub_(1.0).t(), g, out=log_std.grad)
        log_std.grad.sub_(settings.ent_coef)
        self.pi.backward(batch.inputs, z.mul_(g[:, None]).mul_(inverse))
        rows = torch.empty(3, len(plain))
        torch.minimum(plain, clipped, out=rows[0]).neg_()
        change = ratio.sub_(1.0)
        torch.sub(change, log_ratio, out=rows[1])
        rows[2] = change.abs_() > settings.clip_range
        return rows.mean(1)

    def _value_gradient(self, batch: Minibatch, settings: LossSettings) -> torch.Tensor:
        value = self.vf.forward(batch.inputs)
        hidden = self.vf.outputs[-2] if len(self.vf.layers) > 1 else batch.inputs
        if self.own is not None:
            value = torch.cat([value, self.own(hidden)], dim=1)
        limit = settings.clip_range_vf
        inside = None
        if limit is not None:
            change = value - batch.value
            inside = change.abs() <= limit
            value = batch.value + change.clamp(-limit, limit)
        error = value - batch.target
        grad = error * (2.0 * settings.vf_coef / len(error))
        if inside is not None:
            grad = grad * inside
        self._value_backward(batch.inputs, hidden, grad)
        return error.square_().mean(0).sum()

    def _value_backward(self, inputs: torch.Tensor, hidden: torch.Tensor, grad: torch.Tensor) -> None:
        """As `Tower.backward`, with every value head on the last hidden layer."""
        if self.own is None:
            self.vf.backward(inputs, grad)
            return
        heads = [(self.vf.layers[-1], grad[:, :1]), (self.own, grad[:, 1:])]
        for layer, part in heads:
            assert layer.weight.grad is not None
            layer.weight.grad.copy_(part.t() @ hidden)
            layer.bias.grad.copy_(part.sum(0))  # type: ignore[union-attr]
        below = sum(part @ layer.weight for layer, part in heads)
        assert isinstance(below, torch.Tensor)
        if len(self.vf.layers) == 1:
            return
        is_tanh = self.vf.activation is nn.Tanh
        back = (
            torch.ops.aten.tanh_backward(below, hidden)
            if is_tanh
            else torch.ops.aten.threshold_backward(below, hidden, 0)
        )
        Tower(self.vf.layers[:-1], self.vf.activation, self.vf.outputs[:-1]).backward(inputs, back)
