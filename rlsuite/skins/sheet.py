"""A contact sheet: the original beside every look of a pack, one row a slot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rlsuite.errors import UserError
from rlsuite.skins.contracts import Pixels, Slot
from rlsuite.skins.pack import AssetPack

CELL = 64
GREY = 230


def write_sheet(
    path: Path, pack: AssetPack, originals: Mapping[str, Slot] | None = None, *, rows: int = 12, columns: int = 8
) -> Path:
    """Draw a pack.

    Args:
        path: The PNG to write.
        pack: Its looks.
        originals: The level's slots, shown in the first column.
        rows: Most slots.
        columns: Most looks.

    Raises:
        UserError: It cannot be written.
    """
    from PIL import Image

    found = []
    for name in spread(sorted(pack.looks[0]), rows):
        cells = [originals[name].original] if originals and name in originals else []
        cells += [look[name] for look in list(pack.looks)[:columns]]
        found.append(np.concatenate([cell(picture) for picture in cells], axis=1))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate(found)).save(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: the picture could not be written: {error}") from error
    return path


def spread(names: list[str], most: int) -> list[str]:
    """At most so many of them, evenly."""
    if len(names) <= most:
        return names
    return [names[int(i)] for i in np.linspace(0, len(names) - 1, most)]


def cell(picture: Pixels) -> np.ndarray:
    """A picture in the middle of a square of `CELL` pixels, whole pixels enlarged or left out; holes are grey."""
    height, width = picture.shape[:2]
    step = max(1, -(-max(height, width) // (CELL - 4)))
    grow = max(1, (CELL - 4) // max(height, width))
    small = picture[::step, ::step].repeat(grow, axis=0).repeat(grow, axis=1)
    solid = small[..., 3:] > 0
    square = np.full((CELL, CELL, 3), GREY, np.uint8)
    top, left = (CELL - small.shape[0]) // 2, (CELL - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = np.where(solid, small[..., :3], GREY)
    return square
