"""The word-level vocabulary of sprites as text: one token a pixel by construction, one a row marker.

A window that the model sees is ``[type] [start or continue] row row ...``; a row is its marker (if rows are
numbered) and its pixels; after a sprite's last row stands ``end``. Rows therefore lie at the same places in every
window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.tokens.sprite_text import SYMBOLS
from rlsuite.generators.tokens.training import IGNORED

N_PIXELS = len(SYMBOLS)
PREFIX = 2


@dataclass(frozen=True)
class Vocabulary:
    """Numbers of the tokens: pixels first, then markers, specials, types.

    Attributes:
        size: Rows and columns of a sprite.
        row_numbers: Whether rows have markers.
        types: Kinds that can be asked for.
    """

    size: int
    row_numbers: bool = True
    types: tuple[str, ...] = ()

    @property
    def _specials(self) -> int:
        return N_PIXELS + 2 * self.size

    @property
    def start(self) -> int:
        """Stands before a sprite's first row."""
        return self._specials

    @property
    def go_on(self) -> int:
        """Stands before a window that begins within a sprite."""
        return self._specials + 1

    @property
    def end(self) -> int:
        """Stands after a sprite's last row."""
        return self._specials + 2

    @property
    def any_type(self) -> int:
        """The type that says nothing."""
        return self._specials + 3

    def __len__(self) -> int:
        return self._specials + 4 + len(self.types)

    @property
    def row_length(self) -> int:
        """Tokens of a row."""
        return self.size + self.row_numbers

    def rows_in(self, context: int) -> int:
        """Whole rows that fit a context."""
        return min(self.size, (context - PREFIX) // self.row_length)

    def type_token(self, name: str | None) -> int:
        """The token of a type; ``any_type`` for None.

        Raises:
            UserError: The model was not trained with that type.
        """
        if name is None:
            return self.any_type
        if name not in self.types:
            known = ", ".join(self.types) or "none (set generator.types)"
            raise UserError(f"sprite_gpt knows no type {name!r}; known: {known}")
        return self._specials + 4 + self.types.index(name)

    def marker(self, row: Tensor | int, up: Tensor | bool) -> Tensor:
        """The token of a row's marker."""
        return N_PIXELS + torch.as_tensor(row) + torch.as_tensor(up).long() * self.size

    def windows(self, sprites: Tensor, types: Tensor, up: Tensor, first: Tensor, n_rows: int) -> Tensor:
        """Tokens to learn from.

        Args:
            sprites: (batch, size, size) symbols.
            types: (batch,) type tokens.
            up: (batch,) bool, whether rows run upwards.
            first: (batch,) how many rows of that direction come before the window.
            n_rows: Rows of the window.

        Returns:
            (batch, 2 + n_rows * row length + 1); `IGNORED` after the end.
        """
        batch = len(sprites)
        place = first[:, None] + torch.arange(n_rows)  # in the order of reading
        inside = place < self.size
        row = torch.where(up[:, None], self.size - 1 - place, place).clamp(0, self.size - 1)
        pixels = sprites[torch.arange(batch)[:, None], row].long()
        marks = self.marker(row, up[:, None])[:, :, None] if self.row_numbers else pixels[:, :, :0]
        rows = torch.cat([marks, pixels], dim=2)
        rows = torch.where(inside[:, :, None], rows, IGNORED).reshape(batch, -1)
        begin = torch.where(first == 0, self.start, self.go_on)
        tokens = torch.cat([types[:, None], begin[:, None], rows, torch.full((batch, 1), IGNORED)], dim=1)
        n_inside = inside.sum(dim=1)
        after = PREFIX + n_inside * self.row_length
        ends = first + n_inside == self.size
        tokens[torch.arange(batch)[ends], after[ends]] = self.end
        return tokens

    def text(self, tokens: Tensor) -> list[str]:
        """What tokens (n,) say, as lines of the sprites' text format; lines end where a marker or ``end`` stands."""
        lines: list[str] = []
        words: list[str] = []
        for token in tokens.tolist():
            if token < N_PIXELS:
                words.append(SYMBOLS[token])
                continue
            lines += [" ".join(words)] if words else []
            words = []
            if token == self.end:
                return lines
            if token < self._specials:
                up, row = divmod(token - N_PIXELS, self.size)
                words = [f"{row:02d}{'ud'[1 - up]}"]
        return [*lines, " ".join(words)] if words else lines


def as_symbols(images: Tensor) -> Tensor:
    """Images (n, 4, H, W), uint8 or float in [0, 1], to symbols (n, H, W) uint8."""
    from rlsuite.generators.images import to_bytes
    from rlsuite.generators.tokens.sprite_text import to_symbols

    data = images if images.dtype == torch.uint8 else to_bytes(images)
    return torch.from_numpy(to_symbols(data.permute(0, 2, 3, 1).contiguous().cpu().numpy()))


def as_images(symbols: Tensor) -> Tensor:
    """Symbols (n, H, W) to images (n, 4, H, W), float32 in [0, 1]."""
    from rlsuite.generators.tokens.sprite_text import to_pixels

    pixels = np.ascontiguousarray(to_pixels(symbols.cpu().numpy()).transpose(0, 3, 1, 2))
    return torch.from_numpy(pixels).float() / 255
