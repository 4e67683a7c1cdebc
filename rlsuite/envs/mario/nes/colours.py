"""The NES's 64 colours, computed from the video signal that its PPU makes.

The NES has no colour table: it puts out a square wave between two voltages, at one of 12 phases.
`RGB` demodulates that wave as a television does, so no picture of anyone's palette is needed.

References: NESdev Wiki, "NTSC video" (voltages, phases, the wave); SMPTE 170M (YIQ to RGB).
"""

from __future__ import annotations

import numpy as np

# Voltages of the wave's low and high half for the four brightness levels, then black and white.
_LOW = np.array([0.228, 0.312, 0.552, 0.880])
_HIGH = np.array([0.616, 0.840, 1.100, 1.100])
_BLACK, _WHITE = 0.312, 1.100
_HUE_OFFSET = 3.9  # phase of the colour burst in twelfths of a turn, against which hues are measured
_GAMMA = 2.2 / 1.9  # a television's tube against today's screens


def _table() -> np.ndarray:
    colours = np.zeros((64, 3))
    phase = np.arange(12)
    for index in range(64):
        hue, level = index & 15, index >> 4
        low, high = _LOW[level], _HIGH[level]
        if hue == 0:
            low = high
        elif hue == 13:
            high = low
        elif hue > 13:
            low = high = _BLACK
        wave = np.where((hue + phase) % 12 < 6, high, low)
        wave = (wave - _BLACK) / (_WHITE - _BLACK)
        angle = 2 * np.pi * (phase + _HUE_OFFSET) / 12
        y, i, q = wave.mean(), (wave * np.cos(angle)).mean() * 1.7, (wave * np.sin(angle)).mean() * 1.7
        rgb = np.array([y + 0.956 * i + 0.621 * q, y - 0.272 * i - 0.647 * q, y - 1.105 * i + 1.702 * q])
        colours[index] = np.clip(rgb, 0, 1) ** _GAMMA
    return np.rint(colours * 255).astype(np.uint8)


RGB = _table()
"""(64, 3) uint8."""

LUMA = np.rint(RGB @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
"""(64,) uint8, ITU-R BT.601 luma of `RGB`."""
