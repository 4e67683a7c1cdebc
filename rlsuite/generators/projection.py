"""Real images brought into a generator's latent space: by a predictor, by optimisation, by both.

Reference: Zhu, Krahenbuhl, Shechtman & Efros 2016, arXiv:1609.03552, section 3.2: the predictor starts near the
answer, L-BFGS ends there; started alone it stays in a local minimum.
Deviation: the predictor learns from the generator's own samples, whose latent vectors are known, and from the
given images by reconstruction; the published one learns from the training photographs alone. No features beside
pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Decodes
from rlsuite.generators.gan.networks import DcganDiscriminator
from rlsuite.generators.images import check_images
from rlsuite.generators.streams import seeded_weights
from rlsuite.runs.seeding import stream_seed

Method = Literal["predictor", "optimisation", "hybrid"]
BOUND = 0.999


@dataclass(frozen=True)
class Projection:
    """Images found again by a generator.

    Attributes:
        latent: (n, latent)
        images: What they decode to, n x C x H x W.
        error: Root mean square difference to the given images, (n,).
    """

    latent: Tensor
    images: Tensor
    error: Tensor


class Predictor(nn.Module):
    """A network of the discriminator's shape that guesses an image's latent vector.

    Args:
        decodes: The generator it is for.
        width: Channels next to the image.
        seed: Of the weights.
    """

    def __init__(self, decodes: Any, width: int = 32, seed: int = 0) -> None:
        super().__init__()
        spec = decodes.spec
        self.bounded = decodes.config.prior == "uniform"
        with seeded_weights(seed, "predictor"):
            body = DcganDiscriminator(spec.size[0], spec.channels, width, 4)
            self.features = body.features
            self.head = nn.Linear(body.n_features * 16, spec.latent)

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1] to (n, latent)."""
        found = self.head(self.features(images * 2 - 1).flatten(1))
        return torch.tanh(found) if self.bounded else found


def fit_predictor(
    decodes: Any, images: Tensor | None = None, *, n_steps: int = 500, batch_size: int = 32, seed: int = 0
) -> Predictor:
    """Teach a predictor on the generator's samples and, if given, on real images.

    Args:
        decodes: A generator that `Decodes`, with the prior in its section.
        images: Real images N x C x H x W in [0, 1] to rebuild.
        n_steps: Gradient steps.
        batch_size: Samples (and real images) a step.
        seed: Of weights and samples.
    """
    predictor = Predictor(decodes, seed=seed).train()
    optimizer = torch.optim.Adam(predictor.parameters(), 1e-3)
    for step in range(n_steps):
        latent = decodes.latent(batch_size, stream_seed(seed, f"predictor/{step}"))
        with torch.no_grad():
            made = decodes.decode(latent).cpu()
        loss = F.mse_loss(predictor(made), latent)
        if images is not None:
            rows = torch.arange(step * batch_size, (step + 1) * batch_size) % len(images)
            loss = loss + 10 * F.mse_loss(decodes.decode(predictor(images[rows])).cpu(), images[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return predictor.eval()


def project(
    decodes: Decodes,
    images: Tensor,
    *,
    method: Method = "hybrid",
    predictor: Predictor | None = None,
    iterations: int = 100,
    seed: int = 0,
) -> Projection:
    """Find the latent vectors that decode to these images as nearly as possible.

    Args:
        decodes: The generator.
        images: N x C x H x W in [0, 1].
        method: ``predictor`` alone, ``optimisation`` from a random start, or ``hybrid``: the second from the first.
        predictor: A taught one; None teaches one now (not for ``optimisation``).
        iterations: Of L-BFGS at most.
        seed: Of start and predictor.

    Raises:
        UserError: The images do not fit the generator.
    """
    model: Any = decodes
    if model.spec.n_frames is not None:
        raise UserError(f"project: a {model.spec.kind} draws films; still images cannot be found in it")
    check_images(images, size=model.spec.size, channels=model.spec.channels)
    if not len(images):
        return Projection(torch.empty(0, model.spec.latent), images, torch.empty(0))
    if method == "optimisation":
        start = model.latent(len(images), seed)
    elif method in ("predictor", "hybrid"):
        predictor = predictor or fit_predictor(model, seed=seed)
        with torch.no_grad():
            start = predictor(images)
    else:
        raise UserError(f"project: method {method!r} is unknown; predictor, optimisation and hybrid are there")
    latent = start if method == "predictor" else _optimise(model, images, start, iterations)
    with torch.no_grad():
        found = model.decode(latent).cpu()
    return Projection(latent, found, (found - images).square().mean(dim=(1, 2, 3)).sqrt())


def _optimise(model: Any, images: Tensor, start: Tensor, iterations: int) -> Tensor:
    """L-BFGS on each image by itself; the uniform prior's box is kept by z = tanh u."""
    bounded = model.config.prior == "uniform"
    free = torch.atanh(start.clamp(-BOUND, BOUND)) if bounded else start
    found = [_descend(model, image[None], u[None], iterations, bounded) for image, u in zip(images, free, strict=True)]
    return torch.cat(found)


def _descend(model: Any, image: Tensor, u: Tensor, iterations: int, bounded: bool) -> Tensor:
    u = u.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([u], max_iter=iterations, tolerance_change=1e-9, line_search_fn="strong_wolfe")

    def place() -> Tensor:
        return torch.tanh(u) if bounded else u

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (model.decode(place()).cpu() - image).square().sum()
        loss.backward(inputs=[u])
        return loss

    optimizer.step(closure)  # pyright: ignore[reportArgumentType]
    return place().detach()
