"""Where a skin's pictures come from: whatever a generator can do, asked for in one way.

Every source gives, for each look and each group of slots, one picture C x H x W in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Completes, Decodes, Samples, Transforms, capabilities
from rlsuite.runs.seeding import numpy_stream, stream_seed
from rlsuite.skins.contracts import Slot
from rlsuite.skins.fitting import to_rgb

How = Literal["auto", "sample", "decode", "transform", "complete"]
Groups = Mapping[str, Slot]
"""Name of each group to the slot that stands for it."""
CHUNK = 64
PROMPT = "a texture"
ORDERS = ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2))
"""Channels of the originals, in another order for each look: a translator itself knows no chance."""


def pictures(
    generator: Any,
    groups: Groups,
    n: int,
    *,
    seed: int,
    how: How = "auto",
    condition: Any = None,
    to: str | None = None,
) -> list[dict[str, Tensor]]:
    """Pictures for n looks.

    Args:
        generator: Anything with a `spec` and a capability.
        groups: What is wanted.
        n: Looks.
        seed: Of all draws.
        how: ``sample`` new pictures, ``decode`` latents, ``transform`` the originals, ``complete`` their lower half;
            ``auto``: the first of these that the generator can do.
        condition: What it is told (a prompt, a label).
        to: Direction or layer of a transformation.

    Raises:
        UserError: The generator cannot do it; the message says what it can.
    """
    sources: dict[str, tuple[type, Callable[[], list[dict[str, Tensor]]]]] = {
        "sample": (Samples, lambda: _sampled(generator, groups, n, seed, condition)),
        "decode": (
            Decodes,
            lambda: _drawn(lambda m, s: generator.decode(generator.latent(m, s)), generator, groups, n, seed),
        ),
        "transform": (Transforms, lambda: _transformed(generator, groups, n, seed, to)),
        "complete": (Completes, lambda: _completed(generator, groups, n, seed)),
    }
    if how != "auto" and how not in sources:
        raise UserError(f"how: {how!r} is unknown; auto, {', '.join(sources)} are possible")
    wanted = [how] if how != "auto" else list(sources)
    for name in wanted:
        protocol, make = sources[name]
        if isinstance(generator, protocol):
            with torch.no_grad():
                return make()
    can = ", ".join(capabilities(generator)) or "nothing that makes pictures"
    raise UserError(f"a {generator.spec.kind} cannot make a skin by {' or '.join(wanted)}; it {can}")


def _sampled(generator: Any, groups: Groups, n: int, seed: int, condition: Any) -> list[dict[str, Tensor]]:
    if condition is None and generator.spec.condition == "text":
        condition = PROMPT
    if condition is None and generator.spec.condition == "image":
        return _sampled_from_originals(generator, groups, n, seed)
    if condition is None and generator.spec.condition == "label":
        raise UserError(f"a {generator.spec.kind} wants a label: give it as the condition (--prompt)")
    return _drawn(lambda m, s: generator.sample(m, seed=s, condition=condition), generator, groups, n, seed)


def _sampled_from_originals(generator: Any, groups: Groups, n: int, seed: int) -> list[dict[str, Tensor]]:
    """What a model that begins with a picture makes of the originals."""
    images, looks = originals(groups, generator), []
    for k in range(n):
        made = generator.sample(len(images), seed=stream_seed(seed, f"skins/{k}"), condition=images).cpu()
        made = made[:, -1] if made.dim() == 5 else made  # the last frame has gone farthest
        looks.append(dict(zip(groups, made, strict=True)))
    return looks


def _drawn(
    draw: Callable[[int, int], Tensor], generator: Any, groups: Groups, n: int, seed: int
) -> list[dict[str, Tensor]]:
    """Deal drawn pictures out; one that is large enough for several small slots is cut."""
    side = max(min(slot.size) for slot in groups.values())
    cuts = max(1, min(generator.spec.size) // side)
    wanted = n * len(groups)
    drawn: list[Tensor] = []
    for chunk in range(-(-wanted // (cuts * cuts * CHUNK))):
        made = draw(min(CHUNK, -(-wanted // (cuts * cuts)) - chunk * CHUNK), stream_seed(seed, f"skins/{chunk}"))
        made = made[:, made.shape[1] // 2] if made.dim() == 5 else made  # a film gives its middle frame
        drawn += [part for picture in made.cpu() for part in _cut(picture, cuts)]
    names = list(groups)
    return [dict(zip(names, drawn[k * len(names) : (k + 1) * len(names)], strict=True)) for k in range(n)]


def _cut(picture: Tensor, cuts: int) -> list[Tensor]:
    height, width = picture.shape[1] // cuts, picture.shape[2] // cuts
    places = [(y * height, x * width) for y in range(cuts) for x in range(cuts)]
    return [picture[:, y : y + height, x : x + width] for y, x in places]


def originals(groups: Groups, generator: Any) -> Tensor:
    """The slots' own pictures as the generator takes them, N x C x H x W."""
    size, channels = tuple(generator.spec.size), generator.spec.channels
    found = []
    for slot in groups.values():
        image = to_rgb(torch.from_numpy(slot.original.astype(np.float32) / 255).permute(2, 0, 1))[None]
        image = F.interpolate(image, size=size, mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
        found.append(as_channels(image, channels))
    return torch.cat(found)


def as_channels(image: Tensor, channels: int) -> Tensor:
    """RGB as grey, RGB or RGB with full alpha."""
    if channels == 1:
        return image.mean(1, keepdim=True)
    return image if channels == 3 else torch.cat([image, torch.ones_like(image[:, :1])], dim=1)


def _transformed(generator: Any, groups: Groups, n: int, seed: int, to: str | None) -> list[dict[str, Tensor]]:
    images, looks = originals(groups, generator), []
    stream = numpy_stream(seed, "skins/transform")
    for k in range(n):
        varied = images
        if k and images.shape[1] >= 3:
            rest = list(range(3, images.shape[1]))
            varied = varied[:, [*ORDERS[k % len(ORDERS)], *rest]]
        if k:
            shift = stream.integers(0, images.shape[-1], 2).tolist()
            varied = varied.roll(shift, dims=(2, 3))
        made = [generator.transform(part, to=to).cpu() for part in varied.split(CHUNK)]
        looks.append(dict(zip(groups, torch.cat(made), strict=True)))
    return looks


def _completed(generator: Any, groups: Groups, n: int, seed: int) -> list[dict[str, Tensor]]:
    images = originals(groups, generator)
    known = torch.ones_like(images[:, :1])
    known[:, :, images.shape[2] // 2 :] = 0
    made = generator.complete(images, known, n=n, seed=seed).cpu().view(len(images), n, *images.shape[1:])
    return [dict(zip(groups, made[:, k], strict=True)) for k in range(n)]
