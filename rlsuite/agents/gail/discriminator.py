"""The discriminator: a small MLP that also returns the gradient of its logit in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize


class Spectrum(NamedTuple):
    """The largest singular value (0-d) of a matrix (o, i), and estimates of its vectors (o,) and (i,)."""

    left: Tensor
    right: Tensor
    value: Tensor


class Discriminator(nn.Module):
    """MLP from inputs to one logit, high for the expert.

    The gradient of the logit with respect to the input is written out as a forward computation, so a
    penalty on it needs one ordinary backward pass instead of a double one.

    Args:
        n_inputs: Width of the (normalised) input.
        hidden_sizes: Widths of the hidden layers, at least one.
        activation: Their non-linearity.
        spectral_norm: Divide each weight by its largest singular value.
        generator: Where initial weights and dropout masks come from.
    """

    def __init__(
        self,
        n_inputs: int,
        hidden_sizes: Sequence[int],
        activation: Literal["tanh", "relu"],
        *,
        spectral_norm: bool = False,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.spectral_norm = spectral_norm
        self.generator = generator
        widths = [n_inputs, *hidden_sizes, 1]
        self.weights = nn.ParameterList(
            nn.Parameter(_orthogonal(o, i, gain=math.sqrt(2.0) if o > 1 else 0.1, generator=generator))
            for i, o in pairwise(widths)
        )
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(o, device=generator.device)) for o in widths[1:])
        for k, weight in enumerate(self.weights):
            start = torch.randn(weight.shape[0], generator=generator, device=generator.device)
            self.register_buffer(f"left_{k}", normalize(start, dim=0))
        self.iterate_spectral_norm(n_iterations=15)

    @torch.no_grad()
    def iterate_spectral_norm(self, n_iterations: int = 1) -> None:
        """Improve the estimates of the largest singular vectors (one power iteration an update is plenty)."""
        if not self.spectral_norm:
            return
        for k, weight in enumerate(self.weights):
            left = self.get_buffer(f"left_{k}")
            for _ in range(n_iterations):
                right = normalize(weight.mT @ left, dim=0)
                left.copy_(normalize(weight @ right, dim=0))

    def spectra(self) -> list[Spectrum]:
        """Each weight's largest singular value, differentiable in the weight, and its vectors; empty if not asked for.

        Reference:
            Miyato et al. 2018, arXiv:1802.05957.
        """
        found = []
        for k, weight in enumerate(self.weights if self.spectral_norm else []):
            left = self.get_buffer(f"left_{k}").clone()  # the next power iteration must not change this graph
            right = normalize((weight.mT @ left).detach(), dim=0)
            found.append(Spectrum(left, right, torch.dot(left, weight @ right)))
        return found

    def effective_weights(self, spectra: list[Spectrum] | None = None) -> list[Tensor]:
        """The weight matrices as used: divided by their largest singular value if asked for."""
        spectra = self.spectra() if spectra is None else spectra
        if not spectra:
            return list(self.weights)
        return [weight / spectrum.value for weight, spectrum in zip(self.weights, spectra, strict=True)]

    def forward(self, x: Tensor, dropout: float = 0.0) -> Tensor:
        """Logits (n,) of inputs (n, n_inputs)."""
        weights = self.effective_weights()
        hidden, _ = self.hidden(x, weights, dropout)
        return linear(hidden[-1], weights[-1], self.biases[-1]).squeeze(-1)

    def logits_and_gradients(self, x: Tensor, penalised: slice, dropout: float = 0.0) -> tuple[Tensor, Tensor]:
        """Logits (n,) of all inputs (n, d), and d logit / d input (m, d) of the ``penalised`` rows.

        Both can be differentiated with respect to the parameters.
        """
        weights = self.effective_weights()
        hidden, masks = self.hidden(x, weights, dropout)
        logits = linear(hidden[-1], weights[-1], self.biases[-1]).squeeze(-1)
        gradient = weights[-1]  # (1, width), broadcast over rows by the first product
        for weight, h, mask in zip(reversed(weights[:-1]), reversed(hidden), reversed(masks), strict=True):
            slope = self.slope(h[penalised], None if mask is None else mask[penalised])
            gradient = (gradient * slope) @ weight
        return logits, gradient

    def hidden(self, x: Tensor, weights: list[Tensor], dropout: float) -> tuple[list[Tensor], list[Tensor | None]]:
        """What each hidden layer gives for inputs (n, n_inputs), (n, width) each, and its dropout mask."""
        hidden: list[Tensor] = []
        masks: list[Tensor | None] = []
        for weight, bias in zip(weights[:-1], list(self.biases)[:-1], strict=True):
            x = linear(x, weight, bias)
            x = torch.tanh(x) if self.activation == "tanh" else torch.relu(x)
            mask = None
            if dropout > 0:
                draw = torch.rand(x.shape, generator=self.generator, device=x.device)
                mask = (draw >= dropout).to(x.dtype) / (1.0 - dropout)
                x = x * mask
            hidden.append(x)
            masks.append(mask)
        return hidden, masks

    def slope(self, h: Tensor, mask: Tensor | None) -> Tensor:
        """Derivative d h / d z of hidden units from their (masked) outputs."""
        if self.activation == "relu":
            slope = (h > 0).to(h.dtype)
            return slope if mask is None else slope * mask
        slope = 1.0 - self.unmasked(h, mask).square()
        return slope if mask is None else slope * mask

    @staticmethod
    def unmasked(h: Tensor, mask: Tensor | None) -> Tensor:
        """Hidden units as they were before the dropout mask; 0 where it hides them."""
        return h if mask is None else torch.where(mask > 0, h / mask.clamp_min(1e-12), torch.zeros_like(h))


def _orthogonal(n_out: int, n_in: int, gain: float, generator: torch.Generator) -> Tensor:
    """A (n_out, n_in) matrix with orthonormal rows or columns, times gain, from its own generator."""
    tall = torch.randn(max(n_out, n_in), min(n_out, n_in), generator=generator, device=generator.device)
    q, r = torch.linalg.qr(tall)
    q = q * r.diagonal().sign()
    return gain * (q if n_out >= n_in else q.mT).contiguous()
