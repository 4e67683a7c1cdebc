"""The run's words: on the console beside the progress line, and in ``log.txt``."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

LOGGER = logging.getLogger("rlsuite")


class _ConsoleHandler(logging.Handler):
    """Prints above the progress line."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message; warnings and worse say what they are."""
        prefix = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        self._console.print(f"{prefix}{record.getMessage()}", markup=False, soft_wrap=True)


class _FileHandler(logging.FileHandler):
    """Writes ``log.txt``; a full disk must not drown the message that says so."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing."""


@contextlib.contextmanager
def log_to(path: Path, console: Console | None) -> Iterator[None]:
    """Send rlsuite's log records to a file, and to a console unless it is None."""
    handlers: list[logging.Handler] = []
    with contextlib.suppress(OSError):
        file = _FileHandler(path, encoding="utf-8", delay=False)
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
        file.formatter.converter = time.localtime  # type: ignore[union-attr]
        handlers.append(file)
    if console is not None:
        handlers.append(_ConsoleHandler(console))
    level, propagate = LOGGER.level, LOGGER.propagate
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    for handler in handlers:
        LOGGER.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            LOGGER.removeHandler(handler)
            handler.close()
        LOGGER.setLevel(level)
        LOGGER.propagate = propagate
