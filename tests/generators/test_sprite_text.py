"""Sprites as text: exact round trips, and each repair rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rlsuite.errors import DataError
from rlsuite.generators.tokens import sprite_text as text

SPRITES = arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 66))


def line(number, direction, *pixels):
    return f"{number:02d}{direction} " + " ".join(pixels)


def test_there_are_67_symbols():
    assert len(text.SYMBOLS) == len(set(text.SYMBOLS)) == 67
    assert text.SYMBOLS[0] == "!"
    assert text.SYMBOLS[63] == "`"


@pytest.mark.parametrize(
    ("pixel", "symbol"),
    [
        ((0, 0, 0, 255), "!"),
        ((255, 255, 255, 255), "`"),
        ((63, 64, 128, 255), chr(33 + 0b000110)),
        ((85, 85, 85, 255), "a"),
        ((170, 170, 170, 255), "b"),
        ((85, 85, 86, 255), chr(33 + 0b010101)),
        ((9, 9, 9, 128), "~"),
        ((9, 9, 9, 129), "!"),
    ],
)
def test_pixels_become_the_published_symbols(pixel, symbol):
    assert text.SYMBOLS[int(text.to_symbols(np.array([[pixel]], np.uint8))[0, 0])] == symbol


@pytest.mark.parametrize(
    ("symbol", "pixel"), [("a", (107, 107, 107, 255)), ("b", (187, 187, 187, 255)), ("~", (0,) * 4)]
)
def test_symbols_become_the_published_pixels(symbol, pixel):
    assert tuple(text.to_pixels(np.array(text.SYMBOLS.index(symbol)))) == pixel


@given(SPRITES)
def test_text_to_pixels_to_text_is_exact(sprite):
    assert np.array_equal(text.to_symbols(text.to_pixels(sprite)), sprite)
    assert np.array_equal(text.parse_corpus(text.corpus([sprite, sprite]))[1], sprite)


def test_a_sprite_is_written_upwards_and_then_downwards():
    lines = text.sprite_lines(np.array([[0, 1], [66, 63]]))
    assert lines == ["01u ~ `", '00u ! "', '00d ! "', "01d ~ `"]
    assert text.sprite_lines(np.array([[0, 66]]), row_numbers=False, directions=False) == ["! ~"]


def test_a_broken_corpus_names_its_line():
    with pytest.raises(DataError, match="line 2"):
        text.parse_corpus("00d ! !\n01x ! !\n")
    with pytest.raises(DataError, match="row 3 does not follow"):
        text.parse_corpus("00d ! !\n03d ! !\n")


def test_rule_1_rows_are_cut_padded_or_dropped():
    wide, short, stub = ["!"] * 70, ["!"] * 60, ["!"] * 40
    found = text.repair([line(0, "d", *wide), line(1, "d", *short), line(2, "d", *stub)], 64)
    assert sorted(found.rows) == [0, 1]
    assert len(found.rows[0]) == len(found.rows[1]) == 64
    assert list(found.rows[1][58:]) == [0, 0] + [text.CLEAR] * 4
    assert found.n_legal == 0
    assert "only 40" in found.log[-1]


def test_rule_1_keeps_the_last_pixel_of_a_whole_row():
    found = text.repair([line(0, "d", *["!"] * 63, "`")], 64)
    assert found.rows[0][-1] == text.WHITE
    assert found.n_legal == 1


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (line(1, "u", "!", "!"), "changes direction"),
        (line(2, "d", "!", "!"), "does not follow"),
        (line(7, "d", "!", "!"), "out of range"),
        ("1dd ! !", "no row marker"),
        ("", "no row marker"),
    ],
)
def test_rule_2_reading_stops_where_rows_no_longer_follow(second, reason):
    found = text.repair([line(0, "d", "!", "!"), second, line(1, "d", "!", "!")], 2, height=4)
    assert sorted(found.rows) == [0]
    assert reason in found.log[-1]


def test_rule_2_upward_rows_are_stored_downwards():
    found = text.repair([line(1, "u", "`", "`"), line(0, "u", "!", "!")], 2)
    assert found.direction == "u"
    assert np.array_equal(text.assemble(found.rows), [[0, 0], [63, 63]])


def test_rule_3_a_start_without_colour_is_seen():
    assert not text.has_colour([np.array([text.CLEAR, text.WHITE])])
    assert text.has_colour([np.array([5, text.WHITE])])


def test_what_follows_must_continue_the_prompt():
    assert not text.repair([line(5, "d", "!", "!")], 2, height=9, after=3).rows
    assert text.repair([line(4, "d", "!", "!")], 2, height=9, after=3).rows


def test_an_empty_answer_is_no_sprite():
    with pytest.raises(DataError, match="not one row"):
        text.assemble(text.repair([], 8).rows)
