"""DeepDream: a picture changed until a layer of a network responds more. No GAN: ascent on a frozen network.

Reference: Mordvintsev, Olah & Tyka 2015 (google/deepdream): half the squared length of a layer's activation, steps of
1.5 over the mean absolute gradient, jitter up to 32 pixels, octaves of 1.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.features import efficientnet_lite0
from rlsuite.generators.images import check_images
from rlsuite.runs.seeding import torch_stream

Layer = Callable[[Tensor], Tensor]
"""Images N x C x H x W in [0, 1] to a feature map N x F x h x w."""
STEP = 1.5 / 255 * 2
"""The published 1.5 on pixels around 0 to 255, for images in [0, 1]; doubled because Lite0 sees [-1, 1]."""


def lite0_layer(number: int) -> Layer:
    """A layer of EfficientNet-Lite0: 0 the stem, 1 to 16 the blocks, 17 the head. 5: strokes, 9: eyes, 13: textures.

    Raises:
        UserError: There is no such layer.
        MissingExtraError: The package that brings the weights is missing.
    """
    network = efficientnet_lite0()
    if not 0 <= number < network.n_layers:
        raise UserError(f"layer {number}: EfficientNet-Lite0 has layers 0 to {network.n_layers - 1}")
    return lambda images: network.layers(images, number)[number]


def module_layer(network: nn.Module, name: str) -> Layer:
    """A named layer of any network, for example an agent's encoder: what it puts out while the network runs.

    Args:
        network: Takes images as it was trained on them, scaled to [0, 1].
        name: As in ``network.named_modules()``.

    Raises:
        UserError: There is no such layer; the message lists those there are.
    """
    modules = dict(network.named_modules())
    if name not in modules:
        raise UserError(f"layer {name!r}: this network has {', '.join(n for n in modules if n)}")
    network.eval().requires_grad_(False)

    def run(images: Tensor) -> Tensor:
        kept: list[Tensor] = []

        def keep(_module: nn.Module, _given: Any, out: Tensor) -> None:
            kept.append(out)

        hook = modules[name].register_forward_hook(keep)
        try:
            network(images)
        finally:
            hook.remove()
        return kept[0]

    return run


def dream(
    image: Tensor,
    layer: Layer,
    *,
    guide: Tensor | None = None,
    octaves: int = 4,
    octave_scale: float = 1.4,
    iterations: int = 10,
    step: float = STEP,
    jitter: int = 32,
    seed: int = 0,
    on_octave: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Change a picture until the layer responds more.

    Args:
        image: 1 x C x H x W in [0, 1].
        layer: Whose response grows.
        guide: Another picture: each place is pulled to that one of its features which it resembles most.
        octaves: From small to full size; details found at one are enlarged for the next.
        octave_scale: Between two of them.
        iterations: Steps at each.
        step: Mean change of a pixel in one step.
        jitter: Most pixels the picture is rolled before each step (and back after).
        seed: Of the jitter.
        on_octave: Given the picture after each octave.

    Returns:
        1 x C x H x W in [0, 1].

    Raises:
        UserError: A wrong image, or numbers below one.
    """
    check_images(image)
    if octaves < 1 or iterations < 0 or octave_scale <= 1:
        raise UserError(f"dream: {octaves} octaves of {octave_scale}, {iterations} iterations: too few, or no scale")
    if guide is not None:
        check_images(guide, channels=int(image.shape[1]), what="the guide")
    wanted = None if guide is None else layer(guide).detach()
    generator = torch_stream(seed, "dream")
    bases = _octaves(image, octaves, octave_scale)
    detail = torch.zeros_like(bases[-1])
    found = bases[-1]
    for base in reversed(bases):
        detail = F.interpolate(detail, size=base.shape[2:], mode="bilinear", align_corners=False)
        found = base + detail
        for _ in range(iterations):
            found = _ascend(found, layer, wanted, step, min(jitter, min(base.shape[2:]) // 4), generator)
        detail = found - base
        if on_octave is not None:
            on_octave(found)
    return found


def zoom_film(
    image: Tensor, layer: Layer, n: int = 100, *, zoom: float = 0.05, seed: int = 0, **options: Any
) -> Iterator[Tensor]:
    """Frames of a film that dreams its way into the picture: each is the last one dreamt on and enlarged.

    Args:
        image: 1 x C x H x W in [0, 1]; the first frame.
        layer: Whose response grows.
        n: Frames.
        zoom: Share of the side that is cut off from one frame to the next.
        seed: Of the jitter.
        options: Of `dream`.
    """
    for i in range(n):
        yield image
        image = dream(_closer(image, zoom), layer, seed=seed + i + 1, **options)


def _closer(image: Tensor, zoom: float) -> Tensor:
    n = len(image)
    theta = torch.tensor([[1 - zoom, 0, 0], [0, 1 - zoom, 0]]).expand(n, 2, 3)
    where = F.affine_grid(theta, list(image.shape), align_corners=False)
    return F.grid_sample(image, where, padding_mode="border", align_corners=False)


def _octaves(image: Tensor, n: int, scale: float) -> list[Tensor]:
    """The picture and smaller ones, largest first; none below 16 pixels."""
    found = [image]
    while len(found) < n:
        size = [round(side / scale) for side in found[-1].shape[2:]]
        if min(size) < 16:
            break
        found.append(F.interpolate(found[-1], size=size, mode="bilinear", antialias=True))
    return found


def _ascend(
    image: Tensor, layer: Layer, wanted: Tensor | None, step: float, jitter: int, generator: torch.Generator
) -> Tensor:
    dy, dx = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist() if jitter else (0, 0)
    rolled = image.roll((dy, dx), dims=(2, 3)).requires_grad_(True)
    response = layer(rolled)
    (gradient,) = torch.autograd.grad(objective(response, wanted), rolled)
    moved = rolled.detach() + step * gradient / gradient.abs().mean().clamp(min=1e-12)
    return moved.roll((-dy, -dx), dims=(2, 3)).clamp(0, 1)


def objective(response: Tensor, wanted: Tensor | None = None) -> Tensor:
    """Half the squared length of the response; guided: the dot product of each place with its best match."""
    if wanted is None:
        return 0.5 * response.square().sum()
    x, y = response[0].flatten(1), wanted[0].flatten(1)
    best = (x.detach().T @ y).argmax(dim=1)
    return (x * y[:, best]).sum()
