"""Collecting what is wrong, so that a plug-in's author sees all of it at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class ConformanceError(AssertionError):
    """A thing that does not keep its contract; the message lists every broken promise."""


class Report:
    """The list of broken promises of one thing.

    Args:
        what: What is checked, for the message's first line.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.problems: list[str] = []

    def expect(self, kept: Any, problem: str) -> bool:
        """Note ``problem`` unless ``kept``; returns whether it was kept."""
        if not kept:
            self.problems.append(problem)
        return bool(kept)

    def attempt(self, name: str, check: Callable[[], None]) -> None:
        """Run one check; an exception in it is a problem, not the end of the others."""
        try:
            check()
        except Exception as error:
            self.problems.append(f"{name}: raised {type(error).__name__}: {error}")

    def finish(self) -> None:
        """Raise if anything was noted.

        Raises:
            ConformanceError: With one line a problem.
        """
        if self.problems:
            lines = "\n".join(f"  - {p}" for p in self.problems)
            raise ConformanceError(f"{self.what} breaks {len(self.problems)} promise(s):\n{lines}")


@contextmanager
def global_streams_untouched(report: Report, what: str) -> Iterator[None]:
    """Note a problem if torch's, numpy's or Python's global random stream moves inside."""
    before = _global_streams()
    yield
    after = _global_streams()
    for name in before:
        report.expect(
            same_bits(before[name], after[name]),
            f"{what} drew from {name}'s global random stream; use a generator of its own",
        )


def _global_streams() -> dict[str, Any]:
    kind, keys, position, *_ = np.random.get_state()  # noqa: NPY002 the legacy global stream is what is watched
    return {"torch": torch.get_rng_state(), "numpy": [kind, keys, position], "python": list(random.getstate()[1])}


def same_bits(a: Any, b: Any) -> bool:
    """Whether two state trees are equal to the last bit (NaN equals NaN)."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same_bits(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same_bits(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, torch.Tensor | np.ndarray) or isinstance(b, torch.Tensor | np.ndarray):
        x, y = _array(a), _array(b)
        return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
    return type(a) is type(b) and (a == b or (a != a and b != b))


def _array(x: Any) -> np.ndarray:
    return x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)


def foreign_leaves(tree: Any, path: str = "state") -> list[str]:
    """Paths of everything in a state tree that a checkpoint cannot hold."""
    if isinstance(tree, Mapping):
        return [bad for k, v in tree.items() for bad in foreign_leaves(v, f"{path}.{k}")]
    if isinstance(tree, list | tuple):
        return [bad for i, v in enumerate(tree) for bad in foreign_leaves(v, f"{path}[{i}]")]
    allowed = isinstance(tree, torch.Tensor | np.ndarray | int | float | str | bool) or tree is None
    return [] if allowed else [f"{path} is a {type(tree).__name__}"]
