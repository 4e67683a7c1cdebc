"""The sprites' text as its author changed it, step by step, until pictures came out: for the ablation.

Windows of such a text begin anywhere, as they did in the published training: a model knows where in a sprite it is
only by what the text says. (`SpriteGpt` cuts its windows at rows, which tells it the column without any marker.)

Reference: MatthewRayfield/pokemon-gpt-2. Deviation: except in the first format a pixel or a marker is one token, not
several byte pairs, and a row's marker is its line's end as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from rlsuite.generators.tokens.sprite_text import SYMBOLS

Format = Literal["characters", "pixels", "numbers", "directions"]
FORMATS: tuple[Format, ...] = ("characters", "pixels", "numbers", "directions")
"""``characters``: nothing between pixels, read as byte pairs, so that tokens hold unequal numbers of pixels;
``pixels``: each a token, lines end; ``numbers``: a row's number before it; ``directions``: and a letter, each sprite
written upwards and then downwards."""
START, LINE = "<start>", "\n"


class Writing:
    """Sprites as tokens in one format, and back.

    Args:
        form: Which format.
        size: Rows and columns of a sprite.
        sprites: (H, W) symbols each; ``characters`` learns its byte pairs from them.
        byte_pairs: Tokens of ``characters``.
    """

    def __init__(self, form: Format, size: int, sprites: Iterable[np.ndarray], byte_pairs: int = 256) -> None:
        self.form, self.size = form, size
        self.pairs: Any = _learn_pairs(sprites, byte_pairs) if form == "characters" else None
        marks = {"pixels": [LINE], "numbers": _marks(size, ("",)), "directions": _marks(size, ("u", "d"))}
        words = self._pair_words() if form == "characters" else [*SYMBOLS, *marks[form]]
        self.words = [*words, START]
        self.numbers = {word: i for i, word in enumerate(self.words)}

    @property
    def lines(self) -> bool:
        """Whether a row ends with a line's end, not with the next row's number."""
        return self.form in ("characters", "pixels")

    @property
    def start(self) -> int:
        """The token before each sprite."""
        return self.numbers[START]

    def __len__(self) -> int:
        return len(self.words)

    def tokens(self, sprite: np.ndarray, *, up: bool = False) -> list[int]:
        """One copy of a sprite (H, W): the start, then its rows from top to bottom, or from bottom to top."""
        order = range(len(sprite))
        found = [self.start]
        for row in reversed(order) if up else order:
            found += self._row(sprite[row], row, up)
        return found

    def corpus(self, sprites: Iterable[np.ndarray]) -> np.ndarray:
        """All of them as one stream, int64; with ``directions`` each upwards, then downwards."""
        ways = (True, False) if self.form == "directions" else (False,)
        return np.array([t for sprite in sprites for up in ways for t in self.tokens(sprite, up=up)], np.int64)

    def _row(self, pixels: np.ndarray, row: int, up: bool) -> list[int]:
        symbols = [SYMBOLS[i] for i in pixels]
        if self.form == "characters":
            return [*self.pairs.encode("".join(symbols)).ids, self.numbers[LINE]]
        if self.form == "pixels":
            return [self.numbers[s] for s in (*symbols, LINE)]
        letter = "" if self.form == "numbers" else "du"[up]
        return [self.numbers[w] for w in (f"{row:02d}{letter}", *symbols)]

    def legal_rows(self, tokens: Sequence[int]) -> tuple[int, int]:
        """How many rows of what a model wrote are as they must be, and how many there are.

        A row must hold exactly ``size`` pixels and, where rows have numbers, follow the one before. What comes after
        the last separator is not judged: the text was cut there.
        """
        legal, rows, n_pixels = 0, 0, 0
        mark: str | None = None
        last: str | None = None
        for word in (self.words[t] for t in tokens):
            if self._is_pixels(word):
                n_pixels += len(word)
                continue
            if n_pixels or mark is not None or word == LINE:
                rows += 1
                whole = n_pixels == self.size and (self.lines == (word == LINE))
                legal += whole and self._follows(last, mark)
                last = mark
            n_pixels, mark = 0, None if word in (LINE, START) else word
            last = None if word == START else last
        return legal, rows

    def _follows(self, last: str | None, mark: str | None) -> bool:
        """Whether a row with this mark may come after one with that; the first of a sprite must be its end."""
        if mark is None:
            return self.lines
        row, letter = int(mark[:2]), mark[2:]
        if last is None:
            return row == (self.size - 1 if letter == "u" else 0)
        return last[2:] == letter and row - int(last[:2]) == (-1 if letter == "u" else 1)

    def _is_pixels(self, word: str) -> bool:
        return all(c in SYMBOLS for c in word) and (len(word) == 1 or self.form == "characters")

    def _pair_words(self) -> list[str]:
        found = self.pairs.get_vocab()
        return [*sorted(found, key=found.__getitem__), LINE]


def _marks(size: int, letters: Sequence[str]) -> list[str]:
    return [f"{row:02d}{letter}" for letter in letters for row in range(size)]


def _learn_pairs(sprites: Iterable[np.ndarray], n: int) -> Any:
    """Byte pairs of the rows' characters; none reaches beyond its row."""
    from tokenizers import Tokenizer, models, trainers

    tokenizer: Any = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=n, initial_alphabet=list(SYMBOLS), show_progress=False)
    rows = ("".join(SYMBOLS[i] for i in row) for sprite in sprites for row in sprite)
    tokenizer.train_from_iterator(rows, trainer)
    return tokenizer
