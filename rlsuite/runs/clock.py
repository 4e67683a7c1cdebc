"""The run's two clocks: everything, and training alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator


class RunClock:
    """Wall seconds of the whole run and of its training, over all sessions.

    Args:
        wall_s: Of earlier sessions.
        train_s: Of earlier sessions.
        now: The clock, in seconds.
    """

    def __init__(self, wall_s: float = 0.0, train_s: float = 0.0, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._began = now() - wall_s
        self._train = train_s
        self._train_began: float | None = None

    @property
    def wall_s(self) -> float:
        """Seconds since the run began."""
        return self._now() - self._began

    @property
    def train_s(self) -> float:
        """Seconds of training: without evaluation, films and baselines."""
        return self._train + (0.0 if self._train_began is None else self._now() - self._train_began)

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Count this time as training."""
        self._train_began = self._now()
        try:
            yield
        finally:
            self._train, self._train_began = self.train_s, None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count this time as training (an evaluation in the middle of it)."""
        running = self._train_began is not None
        self._train, self._train_began = self.train_s, None
        try:
            yield
        finally:
            if running:
                self._train_began = self._now()
