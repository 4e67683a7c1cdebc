"""What every run goes through, whatever trains: begin, train, finish, or fail and say so."""

from __future__ import annotations

import contextlib
import os
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

from rlsuite.config.schema import Experiment
from rlsuite.errors import RunError
from rlsuite.experiment.logs import LOGGER, log_to
from rlsuite.runs.clock import RunClock
from rlsuite.runs.folder import RunFolder, Status
from rlsuite.runs.keeper import CheckpointKeeper
from rlsuite.runs.notices import Notices
from rlsuite.runs.progress import Progress
from rlsuite.runs.statetree import StateTree
from rlsuite.runs.stopping import Interrupted, StopRequest
from rlsuite.runs.writers import MetricWriters


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a training left.

    Attributes:
        path: The run's folder.
        status: ``done`` or ``interrupted``; a failed run raises instead.
        summary: ``summary.json``.
    """

    path: Path
    status: Status
    summary: Mapping[str, Any]

    def read_summary(self) -> dict[str, Any]:
        """``summary.json`` as it is now."""
        return RunFolder(self.path).read_summary()

    def __fspath__(self) -> str:
        """The run's folder, so that a result can be given wherever a run's path can."""
        return os.fspath(self.path)


class RunOptions(TypedDict):
    """What every session is given beside its folder and what it trains.

    Attributes:
        notices: Counts the run's warnings.
        stop: Told of Ctrl-C and SIGTERM.
        state: The run's own state of a checkpoint (see `RunSession.run_state`), or None for a new run.
        quiet: Show nothing on the terminal.
    """

    notices: Notices
    stop: StopRequest
    state: NotRequired[Mapping[str, Any] | None]
    quiet: NotRequired[bool]


class RunSession(ABC):
    """A process's work on one run. The run is held (`RunFolder.hold`) by whoever makes it.

    Args:
        folder: The run.
        experiment: What is run.
        keep_best: Whether checkpoints are scored and the best is kept.
        run: See `RunOptions`.
    """

    def __init__(
        self,
        folder: RunFolder,
        experiment: Experiment,
        *,
        keep_best: bool,
        **run: Unpack[RunOptions],
    ) -> None:
        self.folder, self.experiment = folder, experiment
        self.notices, self.stop, self.quiet = run["notices"], run["stop"], run.get("quiet", False)
        state = run.get("state")
        self.keeper = CheckpointKeeper(folder.checkpoints, experiment.checkpoint.keep_last, keep_best)
        self.clock = RunClock(state["wall_s"], state["train_s"]) if state else RunClock()
        self.progress = Progress(quiet=self.quiet)
        self.writers = MetricWriters(folder, lambda: self.clock.wall_s)
        if state:
            self.writers.restore_pending(state["pending"])
        self.final: dict[str, Any] | None = None

    @property
    def smoke(self) -> bool:
        """Whether the run is a shrunk one (``--smoke``)."""
        return bool(self.folder.read_manifest().get("smoke"))

    def run(self) -> RunResult:
        """Train to the end of the budget, score, film, and say what came of it.

        Raises:
            RlsuiteError: The run failed; the summary says so.
        """
        with log_to(self.folder.log, None if self.quiet else self.progress.console):
            try:
                with self.progress:
                    self._begin()
                    self._train()
                    self.final = self._finish()
                status: Status = "done"
            except (Interrupted, KeyboardInterrupt):
                status = "interrupted"
            except BaseException as error:
                self._fail(error)
                raise
            finally:
                self._close()
            summary = self.write_summary(status)
            if not self.quiet:
                self._print_ending(status)
        return RunResult(self.folder.path, status, summary)

    # -- what a kind of run does in its own way ----------------------------------------------------

    @abstractmethod
    def _begin(self) -> None:
        """Say what begins."""

    @abstractmethod
    def _train(self) -> None:
        """Train to the end of the budget and save; raises `Interrupted` if stopped before it."""

    @abstractmethod
    def _finish(self) -> dict[str, Any]:
        """Score what was trained; returns ``final`` of the summary."""

    @abstractmethod
    def _print_ending(self, status: Status) -> None:
        """The last words on the terminal."""

    @abstractmethod
    def _own_state(self) -> StateTree:
        """What `run_state` holds beside what every run has."""

    @abstractmethod
    def _counts(self) -> dict[str, Any]:
        """What the summary says of work done; its keys are an interface."""

    def _speed(self) -> dict[str, Any]:
        """What the summary says of speed, after the times."""
        return {}

    # -- services ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def pause_training(self) -> Iterator[None]:
        """Time in here is not training."""
        with self.clock.paused():
            yield

    def run_state(self) -> StateTree:
        """What the run itself must know to go on: clocks, counts, lengths of the metric files."""
        return {
            "wall_s": self.clock.wall_s,
            "train_s": self.clock.train_s,
            "warnings": dict(self.notices.counts),
            "pending": self.writers.pending(),
            "position": self.writers.position(),
            **self._own_state(),
        }

    def write_summary(self, status: Status, **more: Any) -> dict[str, Any]:
        """Write ``summary.json`` as of now.

        Raises:
            RunError: It could not be written.
        """
        summary = {
            "status": status,
            **self._counts(),
            "wall_s": round(self.clock.wall_s, 3),
            "train_wall_s": round(self.clock.train_s, 3),
            **self._speed(),
            "warnings": dict(self.notices.counts),
            "final": self.final,
            **more,
        }
        self.folder.write_summary(summary)
        return summary

    def per_train_second(self, n: int) -> float | None:
        """A count over the seconds of training, for the summary; None before the first."""
        return round(n / self.clock.train_s, 1) if self.clock.train_s > 0 else None

    def _fail(self, error: BaseException) -> None:
        LOGGER.error("the run failed: %s", error)
        if not isinstance(error, RunError):
            with contextlib.suppress(OSError), open(self.folder.log, "a", encoding="utf-8") as file:
                file.write("".join(traceback.format_exception(error)))
        with contextlib.suppress(RunError):
            self.write_summary("failed", error=str(error) or type(error).__name__)

    def _close(self) -> None:
        with contextlib.suppress(OSError, RunError):
            self.writers.close()
