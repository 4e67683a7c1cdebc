"""Info arrays of a step, computed when somebody reads one: most training never does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from rlsuite.envs.mujoco.tasks.base import Floats


class Info(Mapping[str, NDArray[np.float64]]):
    """Names to (n, ...) float64 arrays, all computed and copied at the first reading of one.

    Args:
        keys: The names.
        compute: Gives the arrays; it reads what the engine left, so it must be called before the next step.
    """

    __slots__ = ("_arrays", "_compute", "_keys")

    def __init__(self, keys: tuple[str, ...], compute: Callable[[], Mapping[str, Floats]]) -> None:
        self._keys = keys
        self._compute = compute
        self._arrays: dict[str, NDArray[np.float64]] | None = None

    def read(self) -> dict[str, NDArray[np.float64]]:
        """Compute the arrays, if that has not been done."""
        if self._arrays is None:
            self._arrays = {name: np.array(value, dtype=np.float64) for name, value in self._compute().items()}
        return self._arrays

    def __getitem__(self, key: str) -> NDArray[np.float64]:
        """One array."""
        return self.read()[key]

    def __contains__(self, key: object) -> bool:
        """Whether there is one of that name; computes nothing."""
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._keys)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._keys)
