"""Arranging what one frame of a film shows: upscaling, grids, and the panel beside the picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK = (222, 226, 230)
DIM = (134, 142, 150)
PAPER = (24, 26, 30)
COLOURS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167))  # Okabe and Ito, readable on dark


def upscale(frame: np.ndarray, width: int, height: int) -> np.ndarray:
    """Enlarge by the largest whole factor that fits, each pixel a square (nearest neighbour).

    Args:
        frame: uint8 (H, W, 3).
        width: Pixels the result may have across.
        height: And down. A frame that is larger already comes back as it is.
    """
    factor = max(1, min(width // frame.shape[1], height // frame.shape[0]))
    return frame if factor == 1 else frame.repeat(factor, axis=0).repeat(factor, axis=1)


def tile(frames: Sequence[np.ndarray], rows: int, columns: int, gap: int = 4) -> np.ndarray:
    """Lay ``rows * columns`` frames of one size in a grid, row by row."""
    height, width = frames[0].shape[:2]
    sheet = np.empty((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), dtype=np.uint8)
    sheet[:] = PAPER
    for i, frame in enumerate(frames):
        y, x = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = frame
    return sheet


def dim(frame: np.ndarray) -> np.ndarray:
    """A frame whose episodes are over, darker."""
    return (frame // 3).astype(np.uint8)


def caption(frame: np.ndarray, text: str) -> np.ndarray:
    """The frame with a line of text on a bar below it."""
    size = max(11, min(20, frame.shape[1] // 24))
    bar = Image.new("RGB", (frame.shape[1], size * 2), PAPER)
    ImageDraw.Draw(bar).text((size // 2, size // 2), text, fill=INK, font=_font(size))
    return np.concatenate([frame, np.asarray(bar)])


class Panel:
    """Curves that grow with the film: each step's rewards, the newest at the right edge.

    Each curve has a scale of its own, which widens as values come and never shrinks, so that the
    eye can compare moments. Gaps are ends of episodes.

    Args:
        names: What is drawn, one curve each, from the top.
        width: Pixels.
        height: Pixels.
        window: Steps across; older ones leave at the left.
    """

    def __init__(self, names: Sequence[str], width: int, height: int, window: int = 240) -> None:
        self.names = list(names)
        self.width = width
        self.height = height
        self.window = window
        self._values: dict[str, deque[float]] = {n: deque(maxlen=window) for n in names}
        self._range: dict[str, tuple[float, float]] = {}

    def add(self, values: Mapping[str, float] | None) -> None:
        """Take in a step's values, or None at the end of an episode."""
        for name in self.names:
            value = float("nan") if values is None else float(values[name])
            self._values[name].append(value)
            if np.isfinite(value):
                low, high = self._range.get(name, (value, value))
                self._range[name] = (min(low, value), max(high, value))

    def draw(self, lines: Sequence[str]) -> np.ndarray:
        """The panel as uint8 (height, width, 3).

        Args:
            lines: Text above the curves: where the film is.
        """
        image = Image.new("RGB", (self.width * 2, self.height * 2), PAPER)  # drawn at twice the size, then smoothed
        pen = ImageDraw.Draw(image)
        size = max(18, min(32, self.height // 15))
        top = size
        for line in lines:
            pen.text((size, top), line, fill=INK, font=_font(size))
            top += round(1.5 * size)
        each = (2 * self.height - top - size) // max(1, len(self.names))
        for i, name in enumerate(self.names):
            self._curve(pen, name, COLOURS[i % len(COLOURS)], top + i * each, each, size)
        return np.asarray(image.resize((self.width, self.height), Image.Resampling.LANCZOS))

    def _curve(
        self, pen: ImageDraw.ImageDraw, name: str, colour: tuple[int, int, int], top: int, height: int, size: int
    ) -> None:
        values = self._values[name]
        now = next((f"{v:.3g}" for v in reversed(values) if np.isfinite(v)), "")  # before the first step there is none
        pen.text((size, top + size // 2), name, fill=colour, font=_font(size))
        pen.text((2 * self.width - size, top + size // 2), now, fill=colour, font=_font(size), anchor="ra")
        low, high = self._range.get(name, (0.0, 1.0))
        x0, x1, y0, y1 = size, 2 * self.width - size, top + round(2.2 * size), top + height - round(0.8 * size)
        if y1 - y0 < size:
            return
        pen.rectangle((x0, y0, x1, y1), outline=(52, 58, 64), width=2)
        span = (high - low) or max(abs(high), 1e-6)
        if low < 0.0 < high:
            zero = y1 - (0.0 - low) / span * (y1 - y0)
            pen.line((x0, zero, x1, zero), fill=(73, 80, 87), width=2)
        small = _font(max(14, round(size * 0.75)))
        pen.text((x0 + 6, y0 + 2), f"{high:.3g}", fill=DIM, font=small)
        pen.text((x0 + 6, y1 - 2), f"{low:.3g}", fill=DIM, font=small, anchor="ld")
        step = (x1 - x0) / max(1, self.window - 1)
        start = x1 - step * (len(values) - 1)
        stretch: list[tuple[float, float]] = []
        for k, value in enumerate(values):
            if np.isfinite(value):
                share = (value - low) / span if high > low else 0.5
                stretch.append((start + k * step, y1 - share * (y1 - y0)))
            elif len(stretch) > 1:
                pen.line(stretch, fill=colour, width=4, joint="curve")
                stretch = []
            else:
                stretch = []
        if len(stretch) > 1:
            pen.line(stretch, fill=colour, width=4, joint="curve")
        if stretch:
            x, y = stretch[-1]
            pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill=colour)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
