"""Properties of YAML in and out, of extends and of overrides, over trees that hypothesis makes."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rlsuite.config.compose import compose
from rlsuite.config.tree import Origin, Tree, merge, walk
from rlsuite.config.yaml_io import dump, parse, parse_value

KEYS = st.text("abcdefghijk_", min_size=1, max_size=6).filter(lambda k: k not in ("kind", "extends"))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
VALUES = st.recursive(SCALARS, lambda x: st.lists(x, max_size=3) | st.dictionaries(KEYS, x, max_size=3), max_leaves=8)
TREES = st.dictionaries(KEYS, VALUES, max_size=4)
HERE = Path("experiment.yaml")
ORIGIN = Origin("override", text="--set")


def tree_of(values: dict) -> Tree:
    values = copy.deepcopy(values)
    return Tree(values, {path: Origin("file", HERE, 1) for path in walk(values)})


def leaves(values: dict) -> dict:
    tree = Tree(values)
    return {p: tree.get(p) for p in walk(values) if p and not isinstance(tree.get(p), dict)}


@given(TREES)
@example({"_": "\x85"})
@example({"_": "a\u2028b", "a": ["\u2029", "\x85 ", " \x85\n"]})
def test_yaml_round_trip(values):
    found = parse(dump(values), HERE).values
    assert found == values
    for path, value in leaves(values).items():  # True == 1 == 1.0, but they are not the same YAML
        assert isinstance(leaves(found)[path], bool) == isinstance(value, bool)


@given(TREES.filter(bool))
def test_every_key_has_its_line(values):
    text = dump(values)
    tree = parse(text, HERE)
    lines = text.splitlines()
    for path in walk(values):
        if path and isinstance(path[-1], str):
            assert path[-1] in lines[tree.origins[path].line - 1]


@given(TREES, TREES)
def test_what_is_on_top_wins_and_the_rest_stays(below, top):
    merged = merge(tree_of(below), tree_of(top))
    for path, value in leaves(top).items():
        assert merged.get(path) == value
    over = leaves(top)
    for path, value in leaves(below).items():
        hidden = any(path[: len(p)] == p or p[: len(path)] == path for p in walk(top) if p in over or p == path)
        if not hidden:
            assert merged.get(path) == value


@given(TREES, TREES)
def test_merged_values_all_have_an_origin(below, top):
    merged = merge(tree_of(below), tree_of(top))
    assert set(walk(merged.values)) == set(merged.origins)


@given(TREES)
def test_merging_with_nothing_changes_nothing(values):
    assert merge(tree_of(values), Tree()).values == values
    assert merge(Tree(), tree_of(values)).values == values


@given(TREES, st.lists(KEYS, min_size=1, max_size=3), VALUES)
def test_put_then_get(values, keys, value):
    tree, path = tree_of(values), tuple(keys)
    before = leaves(values)
    try:
        tree.put(path, value, ORIGIN)
    except LookupError:
        assert any(not isinstance(tree.get(path[:n]), dict) for n in range(1, len(path)))
        return
    assert tree.get(path) == value
    assert tree.origins[path] == ORIGIN
    for other, old in before.items():
        if other[: len(path)] != path and path[: len(other)] != other:
            assert tree.get(other) == old


@given(st.lists(KEYS, min_size=1, max_size=3), SCALARS)
def test_an_override_is_typed_as_yaml(keys, value):
    key = ".".join(keys)
    text = dump([value]).removeprefix("- ").removesuffix("\n") if not isinstance(value, float) else repr(value)
    [(path, parsed, _)] = compose({}, [f"{key}={text}"]).overrides
    assert path == tuple(keys)
    assert parsed == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("1e6", 1_000_000), ("3_000", 3000), ("0.5", 0.5), ("yes", "yes"), ("true", True), ("", None)],
)
def test_scalars_are_yaml_1_2(text, value):
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)
