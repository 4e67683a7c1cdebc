"""A discrete autoencoder: pictures to a grid of codes and back.

Reference: Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation", section 2.1 and appendix A (Gumbel relaxation,
logit-Laplace likelihood, residual gain, schedules); Mentzer et al. 2023, "Finite Scalar Quantization" (``fsq``).
Deviations: the averaged code distribution over the batch is not regularised beyond the KL term; how many codes are
used is reported instead (`code_perplexity`); the scale has a floor (`LEAST_LOG_SCALE`). ``fsq``'s coordinates are
normalised over the batch before they are bounded: else their means run off in the first steps, to where all pictures
have one code. Their correlations are charged (`DECORRELATION`): else several say the same, and colours are lost.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 0.1
"""Pixels x in [0, 1] become 0.8 x + 0.1: the logit stays finite."""

LEAST_LOG_SCALE = -3.0
"""ln of a Laplace scale of two grey levels. Where many pixels are exactly alike (a plain ground) the likelihood has no
bound: the scale falls for ever, and its gradients drown all others."""

BLOCKS = 2
"""Residual blocks of a group, between two halvings or doublings."""

DECORRELATION = 0.1
"""Weight of the squared correlations of ``fsq``'s coordinates, each pair once. At 1 it disturbs what they say."""


class Residual(nn.Module):
    """x + gain * four convolutions; the identity path widens by a 1x1 convolution where it must."""

    def __init__(self, channels: int, out: int, gain: float, *, decoder: bool = False) -> None:
        super().__init__()
        hidden = max(out // 4, 4)
        kernels = (1, 3, 3, 3) if decoder else (3, 3, 3, 1)
        widths = (channels, hidden, hidden, hidden, out)
        parts: list[nn.Module] = []
        for kernel, a, b in zip(kernels, widths[:-1], widths[1:], strict=True):
            parts += [nn.ReLU(), nn.Conv2d(a, b, kernel, padding=kernel // 2)]
        self.path = nn.Sequential(*parts)
        self.skip = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        """Same height and width."""
        return self.skip(x) + self.gain * self.path(x)


class Encoder(nn.Module):
    """Images in [0, 1] to scores of codes, (n, codes, side, side).

    Args:
        channels: Of the images.
        width: Channels of the first group, doubled with each halving of the side.
        halvings: How often the side is halved.
        out: Codes, or the coordinates of ``fsq``.
        gain: Of each residual block's convolutions.
    """

    def __init__(self, channels: int, width: int, halvings: int, out: int, gain: float) -> None:
        super().__init__()
        before = width
        parts: list[nn.Module] = [nn.Conv2d(channels, width, 7, padding=3)]
        for group in range(halvings + 1):
            parts += [nn.MaxPool2d(2)] if group else []
            for _ in range(BLOCKS):
                parts.append(Residual(before, width * 2**group, gain))
                before = width * 2**group
        self.net = nn.Sequential(*parts, nn.ReLU(), nn.Conv2d(before, out, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Scores."""
        return self.net(to_logit_range(images))


class Decoder(nn.Module):
    """Code vectors (n, codes, side, side) to mean and log-scale of each channel, (n, 2 channels, size, size)."""

    def __init__(self, channels: int, width: int, halvings: int, codes: int, gain: float) -> None:
        super().__init__()
        before = max(width // 2, 8)
        parts: list[nn.Module] = [nn.Conv2d(codes, before, 1)]
        for group in reversed(range(halvings + 1)):
            for _ in range(BLOCKS):
                parts.append(Residual(before, width * 2**group, gain, decoder=True))
                before = width * 2**group
            parts += [nn.Upsample(scale_factor=2, mode="nearest")] if group else []
        self.net = nn.Sequential(*parts, nn.ReLU(), nn.Conv2d(before, 2 * channels, 1))

    def forward(self, vectors: Tensor) -> Tensor:
        """Mean and log-scale."""
        return self.net(vectors)


class DiscreteAutoencoder(nn.Module):
    """Encoder, codes and decoder.

    Args:
        channels: Of the images.
        width: Channels of the outermost group.
        halvings: How often the side is halved.
        codes: Size of the codebook.
        quantizer: ``gumbel`` (as published) or ``fsq``, whose codebook cannot collapse.
        levels: Levels of each of ``fsq``'s coordinates; their product is ``codes``.
        gain: Of the residual blocks; none: one over the square of their number, as published.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        halvings: int,
        codes: int,
        quantizer: str,
        levels: tuple[int, ...],
        gain: float | None = None,
    ) -> None:
        super().__init__()
        self.codes, self.channels = codes, channels
        self.fsq: Any = None
        if quantizer == "fsq":
            from vector_quantize_pytorch import FSQ

            self.fsq = FSQ(list(levels))
        self.inner = inner = codes if self.fsq is None else len(levels)
        gain = gain or 1 / ((halvings + 1) * BLOCKS) ** 2
        self.encoder = Encoder(channels, width, halvings, inner, gain)
        if self.fsq is not None:
            self.encoder.net.append(nn.BatchNorm2d(inner, affine=False))
        self.decoder = Decoder(channels, width, halvings, inner, gain)

    @torch.no_grad()
    def begin_at(self, images: Tensor) -> None:
        """Let ``fsq``'s decoder first guess these images' median colour; finding it would cost hundreds of steps."""
        if self.fsq is None:
            return  # as published
        channels = to_logit_range(images).transpose(0, 1).flatten(1)
        last: Any = self.decoder.net[-1]
        last.bias[: self.channels] = torch.logit(channels.median(dim=1).values)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Codes (n, side, side) of images in [0, 1]: the likeliest, no noise."""
        scores = self.encoder(images)
        if self.fsq is None:
            return scores.argmax(dim=1)
        return self.fsq(scores.permute(0, 2, 3, 1).flatten(1, 2))[1].long().view(len(images), *scores.shape[2:])

    def decode(self, codes: Tensor) -> Tensor:
        """Images in [0, 1] of codes (n, side, side): the means."""
        if self.fsq is None:
            vectors = F.one_hot(codes, self.codes).permute(0, 3, 1, 2).float()
        else:
            vectors = self.fsq.indices_to_codes(codes.flatten(1)).view(*codes.shape, self.inner).permute(0, 3, 1, 2)
        return from_logit_range(self.decoder(vectors.contiguous())[:, : self.channels])

    def loss(self, images: Tensor, noise: Tensor | None, temperature: float, beta: float) -> dict[str, Tensor]:
        """Negative evidence bound per value, and its parts.

        Args:
            images: (n, C, H, W) in [0, 1].
            noise: Uniform numbers shaped as the scores (`gumbel_noise` makes Gumbel's of them); None for ``fsq``.
            temperature: Of the relaxation.
            beta: Weight of the KL term.

        Returns:
            ``loss``, ``reconstruction`` (nats per value), ``kl`` (nats per code), ``used`` (codes' shares).
        """
        scores = self.encoder(images)
        if self.fsq is not None:
            return self._fsq_loss(images, scores)
        assert noise is not None
        chances = scores.float().log_softmax(dim=1)
        soft = ((scores + gumbel_noise(noise)) / temperature).softmax(dim=1)
        reconstruction = logit_laplace(images, self.decoder(soft))
        kl = (chances.exp() * (chances + math.log(self.codes))).sum(dim=1).mean()
        per_value = kl * scores.shape[2] * scores.shape[3] / images[0].numel()
        used = F.one_hot(scores.detach().argmax(dim=1), self.codes).float().mean(dim=(0, 1, 2))
        return {"loss": reconstruction + beta * per_value, "reconstruction": reconstruction, "kl": kl, "used": used}

    def _fsq_loss(self, images: Tensor, scores: Tensor) -> dict[str, Tensor]:
        """Means learn from plain squared errors, scales from the likelihood.

        By the likelihood alone a pixel pulls the harder the surer it is already: a plain ground drowns what stands
        on it. Absolute errors drown it too: they pull at a rare colour no harder than at the common ones.

        Reference: Seitzer et al. 2022, arXiv:2203.09168 (the same of the normal distribution).
        """
        coordinates = scores.float().transpose(0, 1).flatten(1)  # zero mean, unit variance
        alike = (coordinates @ coordinates.T / coordinates.shape[1]).triu(1).square().sum()
        vectors, indices = self.fsq(scores.permute(0, 2, 3, 1).flatten(1, 2))
        grid = vectors.view(len(images), *scores.shape[2:], self.inner).permute(0, 3, 1, 2)
        maps = self.decoder(grid.contiguous())
        mean, log_scale = maps.chunk(2, dim=1)
        scales = logit_laplace(images, torch.cat([mean.detach(), log_scale], dim=1))
        errors = (torch.logit(to_logit_range(images.float())) - mean.float()).square().mean()
        reconstruction = logit_laplace(images, maps.detach())
        used = torch.bincount(indices.flatten().long(), minlength=self.codes).float() / indices.numel()
        loss = errors + scales + DECORRELATION * alike
        return {"loss": loss, "reconstruction": reconstruction, "kl": torch.zeros(()), "used": used}


def to_logit_range(x: Tensor) -> Tensor:
    """[0, 1] to [0.1, 0.9]."""
    return (1 - 2 * EPSILON) * x + EPSILON


def from_logit_range(mean: Tensor) -> Tensor:
    """The decoder's mean to [0, 1]."""
    return ((mean.sigmoid() - EPSILON) / (1 - 2 * EPSILON)).clamp(0, 1)


def logit_laplace(images: Tensor, maps: Tensor) -> Tensor:
    """Negative log-likelihood of images in [0, 1], mean nats per value.

    The density of x in (0, 1) is exp(-|logit(x) - mean| / b) / (2 b x (1 - x)); ``maps`` holds means, then ln b.
    """
    mean, log_scale = maps.float().chunk(2, dim=1)
    log_scale = log_scale.clamp(min=LEAST_LOG_SCALE)
    x = to_logit_range(images.float())
    away = (torch.logit(x) - mean).abs()
    return (away * torch.exp(-log_scale) + log_scale + math.log(2) + torch.log(x * (1 - x))).mean()


def gumbel_noise(uniform: Tensor) -> Tensor:
    """Standard Gumbel numbers from uniform ones in [0, 1)."""
    return -torch.log(-torch.log(uniform.clamp(min=1e-9, max=1 - 1e-6)))


def code_perplexity(shares: Tensor) -> Tensor:
    """How many codes are in use, effectively: e to the entropy of their shares; 1 is collapse."""
    return torch.exp(-(shares * shares.clamp(min=1e-12).log()).sum())


def ramp(step: int, start: float, end: float, over: int, *, cosine: bool = False) -> float:
    """A schedule's value after ``step`` steps: linear or cosine from ``start`` to ``end``, then constant."""
    done = min(1.0, step / max(over, 1))
    return start + (end - start) * (0.5 * (1 - math.cos(math.pi * done)) if cosine else done)
