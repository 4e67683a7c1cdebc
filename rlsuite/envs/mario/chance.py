"""A random stream per environment, drawn for many environments at once.

SplitMix64 keeps one 64-bit number an environment, so thousands of streams are one array operation
and one array in a checkpoint.

Reference: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
"""

from __future__ import annotations

import numpy as np

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class Chance:
    """``n`` independent streams; stream i depends on the seed and i only.

    Attributes:
        state: (n,) uint64, all there is to save.
    """

    def __init__(self, seed: int, n: int) -> None:
        children = np.random.SeedSequence(seed).spawn(n)
        self.state = np.array([child.generate_state(1, np.uint64)[0] for child in children])

    def draw(self, rows: np.ndarray) -> np.ndarray:
        """The next number of each of these streams, (k,) float64 in [0, 1)."""
        with np.errstate(over="ignore"):
            z = self.state[rows] + _STEP
            self.state[rows] = z
            z = (z ^ (z >> np.uint64(30))) * _MIX_1
            z = (z ^ (z >> np.uint64(27))) * _MIX_2
            z = z ^ (z >> np.uint64(31))
        return (z >> np.uint64(11)) * (1.0 / (1 << 53))

    def integers(self, rows: np.ndarray, n: int) -> np.ndarray:
        """The next integer in 0..n-1 of each of these streams, (k,) int32."""
        return (self.draw(rows) * n).astype(np.int32)
