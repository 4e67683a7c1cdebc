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


@dataclass(slots=True)
class _Layer:
    """A linear layer's tensors, looked up once: `FlatParameters` keeps them where they are."""

    weight: torch.Tensor
    transposed: torch.Tensor
    bias: torch.Tensor
    weight_grad: torch.Tensor
    bias_grad: torch.Tensor

    @staticmethod
    def of(layer: nn.Linear) -> _Layer:
        weight, bias = layer.weight.detach(), layer.bias.detach()
        assert layer.weight.grad is not None
        assert layer.bias.grad is not None
        return _Layer(weight, weight.t(), bias, layer.weight.grad, layer.bias.grad)


class Tower:
    """A stack of linear layers, one activation between them, with buffers for one minibatch size.

    Args:
        layers: Linear layers; the last has no activation. Their gradients are overwritten in place.
        activation: ``nn.Tanh`` or ``nn.ReLU``.

    Attributes:
        outputs: What each layer gave last, after the activation.
    """

    def __init__(self, layers: list[nn.Linear], activation: type[nn.Module]) -> None:
        self.layers = [_Layer.of(layer) for layer in layers]
        self.is_tanh = activation is nn.Tanh
        self.outputs: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (n, out) of inputs (n, in); remembers what `backward` needs."""
        if not self.outputs or len(self.outputs[0]) != len(x):
            self.outputs = [x.new_empty(len(x), len(layer.bias)) for layer in self.layers]
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            out = self.outputs[i]
            torch.addmm(layer.bias, x, layer.transposed, out=out)
            if i < last:
                out.tanh_() if self.is_tanh else out.relu_()
            x = out
        return x

    def backward(self, x: torch.Tensor, grad: torch.Tensor) -> None:
        """Write the parameters' gradients, given the inputs and the loss's gradient by the outputs."""
        last = len(self.layers) - 1
        torch.mm(grad.t(), self._input(last, x), out=self.layers[last].weight_grad)
        torch.sum(grad, 0, out=self.layers[last].bias_grad)
        if last:
            self.backward_below(x, torch.mm(grad, self.layers[last].weight))

    def backward_below(self, x: torch.Tensor, grad: torch.Tensor) -> None:
        """As `backward` for all layers but the last; ``grad`` is the loss's gradient by the last layer's input."""
        for i in range(len(self.layers) - 2, -1, -1):
            layer, out, below = self.layers[i], self.outputs[i], self._input(i, x)
            if self.is_tanh:
                grad = torch.ops.aten.tanh_backward(grad, out)
            else:
                grad = torch.ops.aten.threshold_backward(grad, out, 0)
            torch.mm(grad.t(), below, out=layer.weight_grad)
            torch.sum(grad, 0, out=layer.bias_grad)
            if i:
                grad = torch.mm(grad, layer.weight)

    def _input(self, i: int, x: torch.Tensor) -> torch.Tensor:
        return self.outputs[i - 1] if i else x


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
        self.pi = Tower([*hidden_pi, policy.action_net], policy.activation_fn)
        self.vf = Tower([*hidden_vf, policy.value_net], policy.activation_fn)
        self.own = policy.own_value_net
        self.own_layer = None if self.own is None else _Layer.of(self.own)

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
        if self.own_layer is None:
            self.vf.backward(inputs, grad)
            return
        heads = [(self.vf.layers[-1], grad[:, :1]), (self.own_layer, grad[:, 1:])]
        for layer, part in heads:
            layer.weight_grad.copy_(part.t() @ hidden)
            layer.bias_grad.copy_(part.sum(0))
        below = sum(part @ layer.weight for layer, part in heads)
        assert isinstance(below, torch.Tensor)
        self.vf.backward_below(inputs, below)
