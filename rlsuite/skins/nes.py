"""Skins of NES games: background and sprite tiles of the pattern tables.

A tile is 8x8 pixels of 2 bits; which colours they become is the game's business, so every tile is legal whatever the
palette. A slot is a cell of four tiles that follow each other, laid out 2x2 as the game does with most of them.
Colour 0 (the backdrop, or a sprite's holes) stays where it is, so that silhouettes stay; the others are light, middle
and dark.

Reference: NESdev Wiki, "PPU pattern tables".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rlsuite.skins.contracts import Look, Pixels, ShowsTiles, Slot

TILES = 512
LEVELS = np.array([0, 217, 128, 38], np.uint8)
"""Grey that stands for each of the four values: nothing, light, middle, dark."""
KEPT = (*range(0xF4, 0x100), *range(0x100, 0x130), *range(0x1EC, 0x200))
"""Tiles that stay: sprites F4 to FF (blank, score digits, and FF, which splits the screen), background 00 to 2F
(letters, digits, the status bar's coin) and EC to FF (the title screen's data)."""


class NesTailor:
    """Knows the NES."""

    engine = "nes"

    def fits(self, env: Any) -> bool:
        """Whether the level shows tiles."""
        return isinstance(env, ShowsTiles)

    def slots(self, env: Any) -> dict[str, Slot]:
        """Cells of four tiles that are not blank and not kept."""
        pixels = decode(env.own_tiles)
        found = {}
        for cell in cells(pixels):
            values = join(pixels[cell : cell + 4])
            name = f"{'sprite' if cell < 256 else 'background'}_{cell % 256:02x}"
            kind = "sprite" if cell < 256 else "tile"
            found[name] = Slot(name, paint(values), kind, palette=np.repeat(LEVELS[1:, None], 3, 1), alpha=True)
        return found

    def wear(
        self, env: Any, looks: Sequence[Look], *, seed: int | None, every: int, choices: Sequence[int] | None = None
    ) -> None:
        """Put a bank of tile sets beside the game's own; a change per episode costs nothing."""
        own = env.own_tiles
        bank = np.stack([own, *(retile(own, look) for look in looks)])
        worn = range(len(looks)) if choices is None else choices
        env.set_tile_sets(bank, [k + 1 for k in worn] if looks else [0], seed=seed)


def cells(pixels: np.ndarray) -> list[int]:
    """First tile of every cell that may be painted."""
    free = [first for first in range(0, TILES, 4) if not any(first <= tile < first + 4 for tile in KEPT)]
    return [first for first in free if pixels[first : first + 4].any()]


def decode(tiles: Pixels) -> np.ndarray:
    """The picture ROM (8192,) as values 0 to 3, (512, 8, 8) uint8."""
    planes = np.unpackbits(np.asarray(tiles, np.uint8).reshape(TILES, 2, 8, 1), axis=-1)
    return planes[:, 0] | planes[:, 1] << 1


def encode(values: np.ndarray) -> Pixels:
    """The inverse of `decode`: (512, 8, 8) values 0 to 3 as (8192,) uint8."""
    planes = np.stack([values & 1, values >> 1 & 1], axis=1).astype(np.uint8)
    return np.packbits(planes, axis=-1).reshape(-1)


def join(four: np.ndarray) -> np.ndarray:
    """Four tiles (4, 8, 8) as one cell (16, 16), row by row."""
    return four.reshape(2, 2, 8, 8).transpose(0, 2, 1, 3).reshape(16, 16)


def split(cell: np.ndarray) -> np.ndarray:
    """The inverse of `join`."""
    return cell.reshape(2, 8, 2, 8).transpose(0, 2, 1, 3).reshape(4, 8, 8)


def paint(values: np.ndarray) -> Pixels:
    """Values 0 to 3 as a grey picture with holes, (H, W, 4)."""
    grey = LEVELS[values]
    return np.stack([grey, grey, grey, np.where(values > 0, 255, 0).astype(np.uint8)], axis=-1)


def read(picture: Pixels, holes: np.ndarray) -> np.ndarray:
    """A picture (H, W, 4) as values, 0 where ``holes``: each pixel takes the nearest grey."""
    grey = picture[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    nearest = 1 + np.abs(grey[..., None] - LEVELS[1:].astype(np.float32)).argmin(axis=-1)
    return np.where(holes, 0, nearest).astype(np.uint8)


def retile(own: Pixels, look: Look) -> Pixels:
    """The picture ROM with a look's cells; everything else as it was."""
    values = decode(own)
    for name, picture in look.items():
        table, _, number = name.partition("_")
        first = int(number, 16) + (256 if table == "background" else 0)
        holes = join(values[first : first + 4]) == 0
        values[first : first + 4] = split(read(picture, holes))
    return encode(values)
