"""How far a run is: one line that rewrites itself on a terminal, a plain line every 30 s elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

REFRESH_S = 0.25
PLAIN_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class State:
    """What the line shows.

    Attributes:
        steps: Env (or gradient) steps so far.
        total: The budget in the same unit; None if the budget is seconds alone.
        elapsed_s: Training seconds, over all sessions.
        limit_s: The budget in seconds, or None.
        mean_return: Mean return of the latest training episodes, or None.
        success: Their success rate, or None.
        doing: What else than training goes on, e.g. ``"evaluating"``.
    """

    steps: int
    total: int | None
    elapsed_s: float
    limit_s: float | None = None
    mean_return: float | None = None
    success: float | None = None
    doing: str = ""


class Progress:
    """Shows the state of a run; a context manager.

    Args:
        console: Where to write; None for stderr.
        quiet: Show nothing.
        now: The clock, in seconds.
    """

    def __init__(
        self, console: Console | None = None, *, quiet: bool = False, now: Callable[[], float] = time.monotonic
    ) -> None:
        from rich.console import Console

        self.console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._now = now
        self._live = None
        self._last = now() if not self.console.is_terminal else -1e9
        self._rate = Rate()

    def __enter__(self) -> Progress:
        if self.console.is_terminal and not self._quiet:
            from rich.live import Live

            self._live = Live(console=self.console, auto_refresh=False, transient=True, redirect_stdout=False)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def live(self) -> bool:
        """Whether the line rewrites itself."""
        return self._live is not None

    def due(self) -> bool:
        """Whether `update` would show something now."""
        return not self._quiet and self._now() - self._last >= (REFRESH_S if self.live else PLAIN_EVERY_S)

    def update(self, state: State, *, force: bool = False) -> None:
        """Show the state, if it is time to."""
        if self._quiet:
            return
        self._rate.add(state)
        if not force and not self.due():
            return
        self._last = self._now()
        text = line(state, self._rate.per_second)
        if self._live is None:
            self.console.print(text, soft_wrap=True)
        else:
            from rich.text import Text

            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)


class Rate:
    """Steps per second over the last stretch of training, steadier than the last moment's."""

    def __init__(self, window_s: float = 20.0) -> None:
        self._window_s = window_s
        self._points: list[tuple[float, int]] = []

    def add(self, state: State) -> None:
        """Take in where training is."""
        if self._points and state.elapsed_s < self._points[-1][0] + 0.05:
            return
        self._points.append((state.elapsed_s, state.steps))
        while len(self._points) > 2 and self._points[1][0] < state.elapsed_s - self._window_s:
            self._points.pop(0)

    @property
    def per_second(self) -> float | None:
        """Steps per second, or None while nothing was measured."""
        if len(self._points) < 2:
            return None
        (t0, n0), (t1, n1) = self._points[0], self._points[-1]
        return (n1 - n0) / (t1 - t0)


def line(state: State, rate: float | None) -> str:
    """The state in one line, widest news first."""
    done = _share_done(state)
    parts = [f"{_short(state.steps)} / {_short(state.total)} steps" if state.total else f"{_short(state.steps)} steps"]
    if done is not None:
        parts = [f"{_bar(done)} {done:4.0%}", *parts]
    if (left := _seconds_left(state, rate)) is not None:
        parts.append(f"{duration(left)} left")
    if rate is not None:
        parts.append(f"{rate:,.0f} steps/s")
    if state.mean_return is not None:
        parts.append(
            f"return {state.mean_return:,.4g}" if abs(state.mean_return) < 1000 else f"return {state.mean_return:,.0f}"
        )
    if state.success is not None:
        parts.append(f"success {state.success:.0%}")
    if state.doing:
        parts.append(state.doing)
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """``8 s``, ``3:05``, ``2:10:00``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _share_done(state: State) -> float | None:
    shares = []
    if state.total:
        shares.append(state.steps / state.total)
    if state.limit_s:
        shares.append(state.elapsed_s / state.limit_s)
    return min(1.0, max(shares)) if shares else None


def _seconds_left(state: State, rate: float | None) -> float | None:
    left = []
    if state.total and rate:
        left.append(max(0.0, (state.total - state.steps) / rate))
    if state.limit_s:
        left.append(max(0.0, state.limit_s - state.elapsed_s))
    return min(left) if left else None


def _bar(share: float, width: int = 20) -> str:
    full = int(share * width)
    return "━" * full + "╌" * (width - full)


def _short(number: int | None) -> str:
    if number is None:
        return "?"
    for size, suffix in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if number >= size:
            divisor = 1000 if suffix == "k" else size
            return f"{number / divisor:.4g} {suffix}" if number % divisor else f"{number // divisor} {suffix}"
    return f"{number:,}"
