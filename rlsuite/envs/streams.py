"""One random stream per environment, and how a checkpoint holds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MASK = (1 << 64) - 1


def spawn_streams(seed: int, n: int) -> list[np.random.Generator]:
    """Generators of n environments, number i from the i-th child of ``SeedSequence(seed)``."""
    return [np.random.Generator(np.random.PCG64(child)) for child in np.random.SeedSequence(seed).spawn(n)]


def pack_streams(streams: list[np.random.Generator]) -> NDArray[np.int64]:
    """The streams' states as (n, 6) int64: PCG64's two 128-bit numbers in halves, and the spare half draw."""
    rows = np.zeros((len(streams), 6), dtype=np.uint64)
    for row, stream in zip(rows, streams, strict=True):
        state = stream.bit_generator.state
        inner = state["state"]
        row[:] = (
            inner["state"] >> 64,
            inner["state"] & _MASK,
            inner["inc"] >> 64,
            inner["inc"] & _MASK,
            state["has_uint32"],
            state["uinteger"],
        )
    return rows.view(np.int64)


def unpack_streams(rows: NDArray[np.int64]) -> list[np.random.Generator]:
    """The generators that `pack_streams` packed."""
    return [_unpack(row) for row in np.ascontiguousarray(rows, dtype=np.int64).view(np.uint64).tolist()]


def _unpack(row: list[int]) -> np.random.Generator:
    bits = np.random.PCG64(0)
    bits.state = {
        "bit_generator": "PCG64",
        "state": {"state": row[0] << 64 | row[1], "inc": row[2] << 64 | row[3]},
        "has_uint32": row[4],
        "uinteger": row[5],
    }
    return np.random.Generator(bits)
