import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlsuite.errors import DataError, RunError
from rlsuite.runs import checkpoint
from rlsuite.runs.checkpoint import drop_part, load_checkpoint, save_checkpoint, verify
from rlsuite.runs.statetree import decode, encode, generator_state, load_generator_state


def raw(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def same(a, b) -> bool:
    """Equal in value, type and every bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(raw(a), raw(b))
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return repr(a) == repr(b)
    return a == b


def round_trip(tree, tmp_path: Path):
    save_checkpoint(tmp_path / "step", {"x": tree})
    return load_checkpoint(tmp_path / "step")["x"]


def rich_tree() -> dict:
    base = torch.arange(12, dtype=torch.float32)
    return {
        "tensors": [base, base[3:7], base.view(3, 4).T, torch.tensor(3.5, dtype=torch.bfloat16), torch.zeros(0, 3)],
        "types": [torch.tensor([True, False]), torch.tensor(7), torch.randn(2, 2, dtype=torch.float64)],
        "arrays": [np.arange(5)[::-1], np.zeros((2, 0)), np.array(3, dtype=np.uint16), np.arange(4, dtype=">i4") // 1],
        "scalars": [np.float32(0.1), np.int64(-5), np.bool_(True), np.uint8(255), np.float64("nan")],
        "plain": [1, 2**130, -(2**70), 0.1, -0.0, float("inf"), -float("inf"), float("nan"), True, None, "ü\n\ud800"],
        "dicts": {0: "int", "0": torch.ones(1), None: 1, (1, 2): np.ones(1), "$": "tag"},
        "nested": ({"a": (1, [2, (3,)])}, b"\x00\xff", b""),
        "$": 5,
    }


def native(tree):
    """What comes back: arrays in the machine's byte order."""
    if isinstance(tree, dict):
        return {k: native(v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(native(v) for v in tree)
    return tree.astype(tree.dtype.newbyteorder("=")) if isinstance(tree, np.ndarray) else tree


def test_every_kind_of_value_comes_back_bit_for_bit(tmp_path):
    tree = rich_tree()
    assert same(round_trip(tree, tmp_path), native(tree))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(trees)
def test_any_tree_of_plain_values_comes_back(tree):
    plain, tensors = encode(tree)
    assert same(decode(json.loads(json.dumps(plain, allow_nan=False)), tensors), tree)


def test_what_a_checkpoint_cannot_hold_is_named_with_its_place(tmp_path):
    with pytest.raises(TypeError, match="a/1"):
        encode({"a": [1, object()]})
    with pytest.raises(TypeError, match="object"):
        encode({"a": np.array([None])})


def test_an_optimiser_goes_on_bit_for_bit(tmp_path):
    def make():
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 2)
        return layer, torch.optim.Adam(layer.parameters(), lr=1e-2, betas=(0.8, 0.9))

    def step(layer, optimiser, n):
        for i in range(n):
            optimiser.zero_grad()
            layer(torch.full((4, 3), float(i))).pow(2).sum().backward()
            optimiser.step()

    layer, optimiser = make()
    step(layer, optimiser, 3)
    saved = round_trip({"layer": layer.state_dict(), "optimiser": optimiser.state_dict()}, tmp_path)
    step(layer, optimiser, 3)
    other, other_optimiser = make()
    other.load_state_dict(saved["layer"])
    other_optimiser.load_state_dict(saved["optimiser"])
    step(other, other_optimiser, 3)
    assert torch.equal(layer.weight, other.weight)


@pytest.mark.parametrize("make", [torch.Generator, np.random.default_rng, np.random.RandomState])
def test_random_streams_go_on(make, tmp_path):
    def draw(g):
        return torch.rand(5, generator=g).numpy() if isinstance(g, torch.Generator) else g.random(5)

    first, other = make(), make()
    draw(first)
    state = round_trip(generator_state(first), tmp_path)
    load_generator_state(other, state)
    assert np.array_equal(draw(first), draw(other))


def test_a_loaded_array_is_writable_and_its_own(tmp_path):
    loaded = round_trip({"a": np.zeros(3), "t": torch.zeros(3)}, tmp_path)
    loaded["a"][0] = 1
    loaded["t"][0] = 1
    assert load_checkpoint(tmp_path / "step")["x"]["a"][0] == 0


def test_one_part_is_loaded_and_one_dropped_without_the_rest(tmp_path):
    save_checkpoint(tmp_path / "c", {"policy": torch.ones(2), "replay": torch.ones(100)}, meta={"step": 7})
    assert list(load_checkpoint(tmp_path / "c", ["policy"])) == ["policy"]
    drop_part(tmp_path / "c", "replay")
    assert list(load_checkpoint(tmp_path / "c")) == ["policy"]
    assert not list((tmp_path / "c").glob("replay*"))
    with pytest.raises(DataError, match="holds no replay"):
        load_checkpoint(tmp_path / "c", ["replay"])


DAMAGE = [(f, d) for f in ("x.safetensors", "x.json", "checkpoint.json") for d in ("cut", "emptied", "deleted")]


@pytest.mark.parametrize(("file", "damage"), [*DAMAGE, ("x.safetensors", "flipped"), ("x.json", "flipped")])
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path, file, damage):
    save_checkpoint(tmp_path / "c", {"x": {"a": torch.randn(100), "b": 1}})
    path = tmp_path / "c" / file
    data = bytearray(path.read_bytes())
    if damage == "deleted":
        path.unlink()
    elif damage == "flipped":
        data[-3] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(data[: len(data) // 2] if damage == "cut" else b"")
    with pytest.raises(DataError, match=file.replace(".", r"\.")):
        load_checkpoint(tmp_path / "c")
    with pytest.raises(DataError):
        verify(tmp_path / "c")


@pytest.mark.parametrize("call", range(8))
def test_a_full_disk_at_any_moment_leaves_the_old_checkpoint(tmp_path, monkeypatch, call):
    save_checkpoint(tmp_path / "c", {"x": 1})
    save_checkpoint(tmp_path / "d", {"x": 2})
    left = [call]

    def failing(name):
        real = getattr(os, name)

        def wrapped(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **kwargs)

        return wrapped

    for name in ("fsync", "rename"):
        monkeypatch.setattr(checkpoint.os, name, failing(name))
    failed = ""
    try:
        save_checkpoint(tmp_path / "d", {"x": 3})
    except RunError as error:
        failed = str(error)
    monkeypatch.undo()
    assert load_checkpoint(tmp_path / "c") == {"x": 1}
    assert load_checkpoint(tmp_path / "d") == {"x": 2 if call < 6 else 3}  # the 7th call follows the last rename
    assert ("No space left" in failed) == (call < 7)


def test_the_kernel_refusing_to_write_more_is_reported_and_harms_nothing(tmp_path):
    """A real limit of the operating system, in a process of its own."""
    save_checkpoint(tmp_path / "old", {"x": 1})
    script = f"""
import resource, signal, sys, torch
from pathlib import Path
from rlsuite.errors import RunError
from rlsuite.runs.checkpoint import save_checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save_checkpoint(Path({str(tmp_path)!r}) / "new", {{"x": torch.zeros(1_000_000)}})
except RunError as error:
    print(error)
    sys.exit(error.exit_code)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "could not be written" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["old"]
    assert load_checkpoint(tmp_path / "old") == {"x": 1}
