"""State trees: nested dicts, lists and tuples of tensors, arrays and plain values, without pickle.

A tree becomes plain JSON plus a flat dict of named tensors and comes back equal bit for bit:
numpy scalars keep their type, integers any size, floats ``nan`` and ``inf``, dicts their non-string
keys (an optimiser's are integers), tuples stay tuples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

StateTree = Any
"""Nested dicts, lists and tuples of tensors, arrays, numpy scalars, int, float, str, bytes, bool and None."""

TAG = "$"
"""The key that marks a JSON object as an encoded value; a dict that uses it itself is stored as pairs."""


def encode(tree: StateTree) -> tuple[Any, dict[str, torch.Tensor]]:
    """Split a tree into JSON-able values and named tensors.

    Args:
        tree: The state tree. Tensors may lie on any device; they are detached and copied to the CPU
            only if they do not already lie there.

    Returns:
        The JSON value and the tensors it names, contiguous, each with storage of its own.

    Raises:
        TypeError: The tree holds something a checkpoint cannot; the message names the place.
    """
    encoder = _Encoder()
    return encoder.encode(tree, ""), encoder.tensors


def decode(value: Any, tensors: Mapping[str, torch.Tensor]) -> StateTree:
    """Put `encode`'s two halves together again. Tensors come back on the CPU."""
    if isinstance(value, list):
        return [decode(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        return {k: decode(v, tensors) for k, v in value.items()}
    return _decode_tagged(value, tensors)


def _decode_tagged(value: dict[str, Any], tensors: Mapping[str, torch.Tensor]) -> Any:
    match value[TAG]:
        case "tensor":
            return tensors[value["name"]]
        case "array":
            return tensors[value["name"]].numpy()
        case "bytes":
            return tensors[value["name"]].numpy().tobytes()
        case "scalar":
            return tensors[value["name"]].numpy()[()]
        case "float":
            return float(value["value"])
        case "tuple":
            return tuple(decode(v, tensors) for v in value["items"])
        case "dict":
            return {decode(k, tensors): decode(v, tensors) for k, v in value["items"]}
    raise ValueError(f"unknown tag '{value[TAG]}' in a state tree")


class _Encoder:
    """Collects the tensors while it walks the tree."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._storages: set[int] = set()

    def encode(self, value: Any, path: str) -> Any:
        if value is None or isinstance(value, (bool, str)) or type(value) is int:
            return value
        if isinstance(value, np.generic):  # before float: np.float64 is one
            return self._tensor("scalar", self._from_numpy(np.asarray(value), path), path)
        if isinstance(value, float):
            return value if math.isfinite(value) else {TAG: "float", "value": repr(value)}
        if isinstance(value, torch.Tensor):
            return self._tensor("tensor", value.detach().cpu(), path)
        if isinstance(value, np.ndarray):
            return self._tensor("array", self._from_numpy(value, path), path)
        if isinstance(value, (bytes, bytearray)):
            return self._tensor("bytes", torch.from_numpy(np.frombuffer(value, dtype=np.uint8).copy()), path)
        return self._encode_container(value, path)

    def _encode_container(self, value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            if all(isinstance(k, str) for k in value) and TAG not in value:
                return {k: self.encode(v, _join(path, k)) for k, v in value.items()}
            pairs = [[self.encode(k, f"{path}/key"), self.encode(v, _join(path, k))] for k, v in value.items()]
            return {TAG: "dict", "items": pairs}
        if isinstance(value, (list, tuple)):
            items = [self.encode(v, _join(path, i)) for i, v in enumerate(value)]
            return items if isinstance(value, list) else {TAG: "tuple", "items": items}
        raise TypeError(f"a checkpoint cannot hold {type(value).__name__} (at '{path or 'the root'}')")

    def _from_numpy(self, array: np.ndarray, path: str) -> torch.Tensor:
        if array.dtype.kind not in "biufc" or array.dtype.itemsize > 16 or array.dtype == np.longdouble:
            raise TypeError(f"a checkpoint cannot hold an array of {array.dtype} (at '{path or 'the root'}')")
        native = np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=None)
        if not native.flags.writeable or any(s < 0 for s in native.strides):
            native = native.copy()
        return torch.from_numpy(native)

    def _tensor(self, tag: str, tensor: torch.Tensor, path: str) -> dict[str, str]:
        tensor = tensor.contiguous()
        storage = tensor.untyped_storage().data_ptr()
        if storage in self._storages or tensor.untyped_storage().nbytes() != tensor.nbytes:
            tensor = tensor.clone()  # safetensors refuses shared storage and would write a view's whole base
        self._storages.add(tensor.untyped_storage().data_ptr())
        name = path or "root"
        while name in self.tensors:  # keys 0 and "0" read alike in a path
            name += "~"
        self.tensors[name] = tensor
        return {TAG: tag, "name": name}


def _join(path: str, key: Any) -> str:
    return f"{path}/{key}" if path else str(key)


def generator_state(generator: torch.Generator | np.random.Generator | np.random.RandomState) -> StateTree:
    """The state of a random stream as a tree."""
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return dict(generator.bit_generator.state)


def load_generator_state(
    generator: torch.Generator | np.random.Generator | np.random.RandomState, state: StateTree
) -> None:
    """Bring `generator_state` back into a stream of the same kind."""
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)
