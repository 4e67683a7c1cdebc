"""Coloured shapes with captions and exact labels, drawn on the spot: for tests, and for scores that need labels."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from rlsuite.generators.data.config import ShapesConfig
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.images import to_channels
from rlsuite.runs.seeding import numpy_stream

COLOURS = {
    "red": (214, 48, 49),
    "green": (39, 174, 96),
    "blue": (41, 98, 255),
    "yellow": (241, 196, 15),
    "purple": (142, 68, 173),
    "orange": (230, 126, 34),
    "black": (35, 35, 40),
    "cyan": (0, 188, 212),
}
SHAPES = ("circle", "square", "triangle", "cross", "ring")
PLACES = {"left": -0.2, "middle": 0.0, "right": 0.2}
SIZES = {"small": 0.19, "large": 0.3}
SCALE = 4
"""Drawn this many times larger, then shrunk, so that edges are smooth."""


def hidden_combinations() -> set[tuple[str, str]]:
    """A quarter of all (colour, shape) combinations; every colour and every shape still occurs elsewhere."""
    pairs = itertools.product(enumerate(COLOURS), enumerate(SHAPES))
    return {(colour, shape) for (i, colour), (j, shape) in pairs if (i + 2 * j) % 4 == 0}


def make(config: ShapesConfig, size: int, channels: int) -> ImageSet:
    """``n_shapes`` pictures, all combinations (or those not hidden) equally often, jittered a little."""
    hidden = hidden_combinations() if config.hide_combinations else set()
    kinds = [k for k in itertools.product(COLOURS, SHAPES, PLACES, SIZES) if k[:2] not in hidden]
    stream = numpy_stream(0, "data/shapes")
    order = [i % len(kinds) for i in range(min(config.n_shapes, config.n_images or config.n_shapes))]
    chosen = [kinds[i] for i in stream.permutation(np.array(order))]
    images = np.stack([draw((c, s, p, z), size, channels, stream) for c, s, p, z in chosen])
    names = ("colour", "shape", "place", "size")
    return ImageSet(
        config.id,
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        [f"{i}" for i in range(len(chosen))],
        captions=[caption(*kind) for kind in chosen],
        labels={name: [kind[i] for kind in chosen] for i, name in enumerate(names)},
        licence="CC0",
        source="drawn by rlsuite",
    )


def caption(colour: str, shape: str, place: str, size: str) -> str:
    """The sentence that says what is to be seen."""
    return (
        f"a {size} {colour} {shape} in the middle" if place == "middle" else f"a {size} {colour} {shape} on the {place}"
    )


def draw(kind: tuple[str, str, str, str], side: int, channels: int, stream: np.random.Generator) -> np.ndarray:
    """One picture of a (colour, shape, place, size), uint8 (side, side, channels)."""
    from PIL import Image, ImageDraw

    colour, shape, place, size = kind
    n = side * SCALE
    jitter = stream.uniform(-0.04, 0.04, 3)
    x, y = n * (0.5 + PLACES[place] + jitter[0]), n * (0.5 + jitter[1])
    r = n * (SIZES[size] + 0.4 * jitter[2])
    shade = stream.integers(-14, 15)
    fill = tuple(int(np.clip(c + shade, 0, 255)) for c in COLOURS[colour])
    image = Image.new("RGB", (n, n), (246, 244, 238))
    pen = ImageDraw.Draw(image)
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
    elif shape == "square":
        pen.rectangle((x - 0.85 * r, y - 0.85 * r, x + 0.85 * r, y + 0.85 * r), fill=fill)
    elif shape == "triangle":
        pen.polygon([(x, y - r), (x - r, y + 0.8 * r), (x + r, y + 0.8 * r)], fill=fill)
    elif shape == "cross":
        pen.rectangle((x - r, y - 0.3 * r, x + r, y + 0.3 * r), fill=fill)
        pen.rectangle((x - 0.3 * r, y - r, x + 0.3 * r, y + r), fill=fill)
    else:
        pen.ellipse((x - r, y - r, x + r, y + r), outline=fill, width=max(1, round(0.4 * r)))
    return to_channels(image.resize((side, side), Image.Resampling.BOX), channels)
