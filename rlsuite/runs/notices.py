"""Warnings: each shown once, all counted."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

log = logging.getLogger("rlsuite")


class Notices:
    """Shows each warning once and counts how often it came; the counts go to ``summary.json``."""

    def __init__(self, counts: dict[str, int] | None = None) -> None:
        self.counts: Counter[str] = Counter(counts or {})
        self._shown: set[str] = set()

    def add(self, message: str, times: int = 1) -> None:
        """Count a warning; log it the first time."""
        text = " ".join(message.split())
        self.counts[text] += times
        if text not in self._shown:
            self._shown.add(text)
            log.warning("%s", text)

    @contextlib.contextmanager
    def capture(self) -> Iterator[None]:
        """Take over Python's warnings; what the user or a library chose to ignore stays ignored."""
        with warnings.catch_warnings():
            for category in (UserWarning, RuntimeWarning, FutureWarning):
                warnings.simplefilter("always", category, append=True)
            warnings.showwarning = self._show
            yield

    def _show(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        name = "" if category is UserWarning else f"{category.__name__}: "
        self.add(f"{name}{message}")
