"""Sprites as text: 67 symbols, numbered rows with a direction letter, and the repair of what a model wrote.

A row is ``32d ~ ~ ! ...``: its number in two digits, ``d`` (top to bottom) or ``u`` (bottom to top), its pixels.
Each sprite is written twice, first upwards, then downwards.

Reference: MatthewRayfield/pokemon-gpt-2 (the format and the five rules). Deviations: a row is padded to its
last pixel and a start is judged by all its pixels (the original drops one in each case); the greys that ``a`` and
``b`` decode to are read as ``a`` and ``b`` again, so that text to picture to text is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rlsuite.errors import DataError

COLOURS = "".join(chr(33 + i) for i in range(64))
SYMBOLS = COLOURS + "ab~"
"""All pixels: 64 colours (two bits each of red, green, blue), dark grey, light grey, transparent."""
DARK, LIGHT, CLEAR = 64, 65, 66
WHITE = 63
LEVELS = np.array([0, 64, 128, 255], np.uint8)
GREYS = {DARK: (85, 107), LIGHT: (170, 187)}
"""What is read as a grey: the original's value, and the value it is shown with."""
_INDEX = {symbol: i for i, symbol in enumerate(SYMBOLS)}
FIELDS, SHORTEST = 65, 55
"""Fields of a published row, and the fewest that are not dropped."""


def to_symbols(pixels: np.ndarray) -> np.ndarray:
    """Pixels (..., H, W, 4) uint8 to symbol numbers (..., H, W) uint8."""
    if pixels.dtype != np.uint8 or pixels.shape[-1] != 4:
        raise DataError(f"sprites: uint8 pixels with four channels are wanted, found {pixels.dtype} {pixels.shape}")
    r, g, b, alpha = (pixels[..., i] for i in range(4))
    symbols = ((r >> 6) << 4) | ((g >> 6) << 2) | (b >> 6)
    for symbol, values in GREYS.items():
        symbols = np.where((r == g) & (g == b) & np.isin(r, values), symbol, symbols)
    return np.where(alpha <= 128, CLEAR, symbols).astype(np.uint8)


def _table() -> np.ndarray:
    table = np.zeros((len(SYMBOLS), 4), np.uint8)
    numbers = np.arange(64)
    table[:64, :3] = np.stack([LEVELS[(numbers >> shift) & 3] for shift in (4, 2, 0)], axis=1)
    for symbol, (_, shown) in GREYS.items():
        table[symbol, :3] = shown
    table[:CLEAR, 3] = 255
    return table


PIXELS = _table()
"""The colour of each symbol, (67, 4) uint8."""


def to_pixels(symbols: np.ndarray) -> np.ndarray:
    """Symbol numbers (..., H, W) to pixels (..., H, W, 4) uint8."""
    return PIXELS[symbols]


def row_text(symbols: Sequence[int] | np.ndarray, number: int | None, direction: str) -> str:
    """One line; without a number, the pixels alone."""
    pixels = " ".join(SYMBOLS[i] for i in symbols)
    return pixels if number is None else f"{number:02d}{direction} {pixels}"


def sprite_lines(symbols: np.ndarray, *, row_numbers: bool = True, directions: bool = True) -> list[str]:
    """A sprite (H, W) as lines: upwards, then downwards. Without ``directions``, downwards alone."""
    numbers = range(len(symbols))
    orders = [("u", reversed(numbers)), ("d", numbers)] if directions else [("d", numbers)]
    letter = directions
    return [row_text(symbols[i], i if row_numbers else None, d if letter else "") for d, order in orders for i in order]


def corpus(sprites: Iterable[np.ndarray], **format: bool) -> str:
    """All sprites (H, W each) as one text."""
    return "".join(f"{line}\n" for sprite in sprites for line in sprite_lines(sprite, **format))


def parse_corpus(text: str) -> list[np.ndarray]:
    """The sprites of a corpus with numbers and letters: each stretch of rows that goes down is one.

    Raises:
        DataError: A row is not as `row_text` writes it.
    """
    sprites: list[list[np.ndarray]] = []
    for at, line in enumerate(text.splitlines(), 1):
        fields = line.split(" ")
        number, direction = _marker(fields[0])
        if number is None or any(f not in _INDEX for f in fields[1:]):
            raise DataError(f"line {at} of the sprites' text is no row such as '07d ~ ~ ! ...': {line[:40]!r}")
        if direction == "d":
            if number == 0:
                sprites.append([])
            if not sprites or number != len(sprites[-1]):
                raise DataError(f"line {at} of the sprites' text: row {number} does not follow the one before")
            sprites[-1].append(np.array([_INDEX[f] for f in fields[1:]], np.uint8))
    return [np.stack(rows) for rows in sprites]


@dataclass
class Repaired:
    """What was made of a model's text.

    Attributes:
        rows: Row number to its symbols, (width,) uint8 each.
        direction: Of the first row, ``u`` or ``d``; "" if there was none.
        log: What was mended or refused, a line each.
        n_lines: Lines looked at.
        n_legal: Those that needed nothing.
    """

    rows: dict[int, np.ndarray] = field(default_factory=dict)
    direction: str = ""
    log: list[str] = field(default_factory=list)
    n_lines: int = 0
    n_legal: int = 0


def repair(lines: Iterable[str], width: int, height: int | None = None, after: int | None = None) -> Repaired:
    """Read rows that a model wrote (rules 1 and 2).

    A row is cut to ``width`` pixels, dropped if far too short, padded with transparent pixels if a little. The
    first row fixes the direction. Reading stops at a row of the other direction, out of order or out of range.

    Args:
        lines: The model's text.
        width: Pixels of a row.
        height: Rows of a sprite; none: as many as columns.
        after: The row that came before, which the first must follow; none: it may begin anywhere.
    """
    found, last = Repaired(), after
    for line in lines:
        found.n_lines += 1
        fields = line.split()
        number, direction = _marker(fields[0] if fields else "")
        if number is None:
            found.log.append(f"no row marker: {line[:12]!r}")
            break
        found.direction = found.direction or direction
        if stop := _out_of_order(number, direction, found.direction, last, height or width):
            found.log.append(stop)
            break
        row = _mended(fields[1:], number, width, found.log)
        if row is None:
            continue
        clean = len(fields) == width + 1 and all(f in _INDEX for f in fields[1:])
        found.n_legal += clean
        found.rows[number], last = row, number
    return found


def _marker(text: str) -> tuple[int | None, str]:
    """Number and direction of a row marker, or (None, "")."""
    if len(text) != 3 or text[2] not in "ud" or not (text[:2].isascii() and text[:2].isdigit()):
        return None, ""
    return int(text[:2]), text[2]


def _out_of_order(number: int, direction: str, wanted: str, last: int | None, height: int) -> str:
    """Why reading stops at this row, or ""."""
    if direction != wanted:
        return f"row {number} changes direction to {direction}"
    if not 0 <= number < height:
        return f"row {number} is out of range"
    if last is not None and number != last + (1 if direction == "d" else -1):
        return f"row {number} does not follow row {last}"
    return ""


def _mended(fields: list[str], number: int, width: int, log: list[str]) -> np.ndarray | None:
    """A row of ``width`` symbols, or None if it is too short to mend."""
    known = [_INDEX[f] for f in fields if f in _INDEX]
    if len(known) < len(fields):
        log.append(f"row {number}: {len(fields) - len(known)} fields are no pixels")
    if (len(known) + 1) * FIELDS < SHORTEST * (width + 1):
        log.append(f"row {number} has only {len(known)} pixels and is dropped")
        return None
    if len(known) != width:
        log.append(f"row {number}: {len(known)} pixels {'cut' if len(known) > width else 'padded'} to {width}")
    return np.array([*known[:width], *[CLEAR] * (width - len(known))], np.uint8)


def has_colour(rows: Iterable[np.ndarray]) -> bool:
    """Whether anything but transparent and white is there (rule 3: a start without is refused)."""
    return any(bool((~np.isin(row, (CLEAR, WHITE))).any()) for row in rows)


def assemble(rows: dict[int, np.ndarray]) -> np.ndarray:
    """Rows by number as one sprite, (largest number + 1, longest row) uint8; what is missing is transparent.

    Raises:
        DataError: There is no row.
    """
    if not rows:
        raise DataError("not one row could be read, so there is no sprite")
    sprite = np.full((max(rows) + 1, max(len(row) for row in rows.values())), CLEAR, np.uint8)
    for number, row in rows.items():
        sprite[number, : len(row)] = row
    return sprite
