"""Films of one coloured shape that moves over a background that stands still, drawn on the spot."""

from __future__ import annotations

import numpy as np
import torch

from rlsuite.generators.data.config import MovingShapesConfig
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.data.shapes import COLOURS
from rlsuite.runs.seeding import numpy_stream

FORMS = ("circle", "square", "diamond", "ring")
DIRECTIONS = ("right", "down right", "down", "down left", "left", "up left", "up", "up right")
SLOWEST, FASTEST = 0.35, 0.8
"""Way during a film, in sides."""
EDGE = 0.12
"""Distance from the border at which a shape turns back, in sides."""


def make(config: MovingShapesConfig, size: int, channels: int) -> ImageSet:
    """``n_films`` films; the background is a tinted ramp with soft spots, other in each film."""
    assert config.n_frames is not None  # `load_images` asks the generator
    stream = numpy_stream(0, "data/shapes/moving")
    n = min(config.n_films, config.n_images or config.n_films)
    films, labels = [], []
    for _ in range(n):
        kind = [str(stream.choice(names)) for names in (list(COLOURS), FORMS, DIRECTIONS)]
        film, mask = draw_film(kind[0], kind[1], kind[2], size, config.n_frames, stream)
        films.append(_with_channels(film, mask, channels))
        labels.append(kind)
    return ImageSet(
        config.id,
        torch.from_numpy(np.stack(films)),
        [str(i) for i in range(n)],
        captions=[f"a {colour} {form} moving {direction}" for colour, form, direction in labels],
        labels={name: [kind[i] for kind in labels] for i, name in enumerate(("colour", "form", "direction"))},
        licence="CC0",
        source="drawn by rlsuite",
    )


def draw_film(
    colour: str, form: str, direction: str, size: int, n_frames: int, stream: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One film in [0, 1], (T, 3, size, size), and where its shape is, (T, 1, size, size)."""
    place = _path(DIRECTIONS.index(direction), n_frames, stream)
    radius = stream.uniform(0.1, 0.16)
    mask = _cover(form, place, radius, size)[:, None]
    tint = np.clip(np.array(COLOURS[colour]) / 255 + stream.uniform(-0.05, 0.05), 0, 1)
    still = _background(size, stream)[None]
    return mask * tint[None, :, None, None] + (1 - mask) * still, mask


def _path(direction: int, n_frames: int, stream: np.random.Generator) -> np.ndarray:
    """Where the shape is, (T, 2) as (y, x) in sides; it turns back at the border."""
    angle = direction * np.pi / 4
    way = np.linspace(0, stream.uniform(SLOWEST, FASTEST), n_frames)[:, None]
    begin = 0.5 - 0.25 * np.array([np.sin(angle), np.cos(angle)]) + stream.uniform(-0.15, 0.15, 2)
    free = (begin + way * np.array([np.sin(angle), np.cos(angle)]) - EDGE) / (1 - 2 * EDGE)
    return EDGE + (1 - 2 * EDGE) * np.abs((free + 1) % 2 - 1)


def _cover(form: str, place: np.ndarray, radius: float, size: int) -> np.ndarray:
    """How much of each pixel the shape covers, (T, size, size)."""
    where = (np.arange(size) + 0.5) / size
    dy = where[None, :, None] - place[:, :1, None]
    dx = where[None, None, :] - place[:, 1:, None]
    if form == "square":
        distance = np.maximum(np.abs(dy), np.abs(dx)) - 0.85 * radius
    elif form == "diamond":
        distance = (np.abs(dy) + np.abs(dx) - 1.2 * radius) / np.sqrt(2)
    else:
        distance = np.hypot(dy, dx) - radius
    if form == "ring":
        distance = np.maximum(distance, 0.5 * radius - np.hypot(dy, dx))
    return np.clip(0.5 - distance * size, 0, 1)


def _background(size: int, stream: np.random.Generator) -> np.ndarray:
    """A tinted ramp with three soft spots, (3, size, size) in [0, 1]."""
    y, x = np.meshgrid((np.arange(size) + 0.5) / size, (np.arange(size) + 0.5) / size, indexing="ij")
    low, high = stream.uniform(0.55, 0.8, 3), stream.uniform(0.75, 0.97, 3)
    angle = stream.uniform(0, 2 * np.pi)
    share = 0.5 + 0.5 * ((y - 0.5) * np.sin(angle) + (x - 0.5) * np.cos(angle))
    picture = low[:, None, None] * (1 - share) + high[:, None, None] * share
    for _ in range(3):
        cy, cx, wide = stream.uniform(0, 1), stream.uniform(0, 1), stream.uniform(0.05, 0.15)
        spot = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * wide**2))
        picture = picture - 0.3 * spot * stream.uniform(0.2, 1, 3)[:, None, None]
    return np.clip(picture, 0, 1)


def _with_channels(film: np.ndarray, mask: np.ndarray, channels: int) -> np.ndarray:
    """Bytes with 1 (grey), 3, or 4 (the shape alone, its background clear) channels."""
    if channels == 1:
        film = film.mean(axis=1, keepdims=True)
    elif channels == 4:
        film = np.concatenate([film, mask], axis=1)
    return np.round(film * 255).astype(np.uint8)
