"""Ctrl-C and SIGTERM: the first asks the run to stop and save, the second ends it at once."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

log = logging.getLogger("rlsuite")


class Interrupted(Exception):
    """The run was asked to stop outside training, in an evaluation or a film."""


class StopRequest:
    """Whether the user asked the run to stop.

    Attributes:
        requested: Set by the first signal.
        on_request: Called once when it is set, e.g. to set a learner's ``stop_requested``.
    """

    def __init__(self) -> None:
        self.requested = False
        self.on_request: Callable[[], None] = lambda: None

    def check(self) -> None:
        """Raise `Interrupted` if a stop was asked for."""
        if self.requested:
            raise Interrupted

    @contextlib.contextmanager
    def listen(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM meanwhile (only in the main thread; elsewhere this does nothing)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        old = {s: signal.signal(s, self._handle) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        log.warning("%s: finishing this step, then saving. Once more ends it at once.", signal.Signals(number).name)
        self.on_request()
