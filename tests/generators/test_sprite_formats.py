"""The formats of the sprites' text that came before: what they say, and which rows are legal."""

import numpy as np
import pytest

from rlsuite.generators.tokens.sprite_formats import FORMATS, Writing
from rlsuite.generators.tokens.sprite_text import CLEAR

SPRITES = [np.array([[1, CLEAR, CLEAR], [2, 2, CLEAR], [CLEAR, CLEAR, 15]], np.uint8)] * 4
"""Three rows of three; symbol 15 is the digit 0."""


def said(form, tokens, writing=None):
    writing = writing or Writing(form, 3, SPRITES)
    return " ".join(writing.words[t] for t in tokens)


def test_each_format_says_the_sprite_its_own_way():
    sprite = SPRITES[0]
    written = {form: said(form, Writing(form, 3, SPRITES).tokens(sprite)) for form in FORMATS}
    assert written["pixels"] == '<start> " ~ ~ \n # # ~ \n ~ ~ 0 \n'
    assert written["numbers"] == '<start> 00 " ~ ~ 01 # # ~ 02 ~ ~ 0'
    assert written["directions"] == '<start> 00d " ~ ~ 01d # # ~ 02d ~ ~ 0'
    assert written["characters"].replace(" ", "") == '<start>"~~\n##~\n~~0\n'
    assert said("directions", Writing("directions", 3, SPRITES).tokens(sprite, up=True)).startswith("<start> 02u ~ ~ 0")


def test_byte_pairs_hold_unequal_numbers_of_pixels():
    writing = Writing("characters", 3, SPRITES)
    assert len({len(writing.words[t]) for t in writing.tokens(SPRITES[0])} - {len("<start>")}) > 1


def test_only_directions_write_each_sprite_twice():
    lengths = {form: len(Writing(form, 3, SPRITES).corpus(SPRITES)) for form in FORMATS}
    assert lengths["directions"] == 2 * lengths["numbers"] == 2 * lengths["pixels"] == 2 * 4 * 13


@pytest.mark.parametrize("form", FORMATS)
def test_the_corpus_is_legal(form):
    writing = Writing(form, 3, SPRITES)
    tokens = [*writing.corpus(SPRITES), writing.start]
    assert writing.legal_rows(tokens) == ((24, 24) if form == "directions" else (12, 12))


@pytest.mark.parametrize(
    ("form", "text", "found"),
    [
        ("pixels", ["<start>", "~", "~", "~", "\n", "~", "~", "\n", "~", "~", "~", "~", "\n", "~"], (1, 3)),
        ("pixels", ["<start>", "~", "~", "~", "<start>", "\n"], (0, 2)),
        ("numbers", ["<start>", "00", "~", "~", "~", "02", "~", "~", "~", "01"], (1, 2)),
        ("numbers", ["<start>", "01", "~", "~", "~", "02", "~", "~", "~", "<start>"], (1, 2)),
        ("numbers", ["<start>", "~", "~", "~", "00", "~", "~", "01", "~"], (0, 2)),
        (
            "directions",
            ["<start>", "02u", "~", "~", "~", "01u", "~", "~", "~", "02d", "~", "~", "~", "<start>"],
            (2, 3),
        ),
    ],
)
def test_rows_that_are_not_legal_are_counted(form, text, found):
    writing = Writing(form, 3, SPRITES)
    assert writing.legal_rows([writing.numbers[word] for word in text]) == found
