"""One training from its first step (or its checkpoint) to its last word."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlsuite.config.schema import Experiment
from rlsuite.errors import RunError
from rlsuite.experiment.assembly import UNLIMITED_STEPS, Assembly
from rlsuite.experiment.boundary import Boundary
from rlsuite.experiment.logs import LOGGER, log_to
from rlsuite.experiment.saving import to_parts
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


class Session:
    """A process's work on one run. The run is held (`RunFolder.hold`) by whoever makes it.

    Args:
        folder: The run.
        assembly: What trains, its state already restored if the run goes on.
        notices: Counts the run's warnings.
        stop: Told of Ctrl-C and SIGTERM.
        state: The run's own state of a checkpoint (see `run_state`), or None for a new run.
        quiet: Show nothing on the terminal.
    """

    def __init__(
        self,
        folder: RunFolder,
        assembly: Assembly,
        *,
        notices: Notices,
        stop: StopRequest,
        state: Mapping[str, Any] | None = None,
        quiet: bool = False,
    ) -> None:
        self.folder, self.assembly = folder, assembly
        self.notices, self.stop, self.quiet = notices, stop, quiet
        config = self.experiment.checkpoint
        self.keeper = CheckpointKeeper(folder.checkpoints, config.keep_last, config.best)
        self.clock = RunClock(state["wall_s"], state["train_s"]) if state else RunClock()
        self.progress = Progress(quiet=quiet)
        self.boundary = Boundary(self)
        if state:
            self.boundary.load_state_dict(state["schedule"])
        self.writers = MetricWriters(folder, lambda: self.clock.wall_s)
        if state:
            self.writers.restore_pending(state["pending"])
        self.final: dict[str, Any] | None = None

    @property
    def experiment(self) -> Experiment:
        """What is run."""
        return self.assembly.experiment

    @property
    def smoke(self) -> bool:
        """Whether the run is a shrunk one (``--smoke``)."""
        return bool(self.folder.read_manifest().get("smoke"))

    # -- the whole -------------------------------------------------------------------------------

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

    def _begin(self) -> None:
        learner, done = self.assembly.learner, int(self.assembly.learner.num_timesteps)
        learner.set_logger(self.writers.logger)
        self.stop.on_request = lambda: setattr(learner, "stop_requested", True)
        self.write_summary("running")
        LOGGER.info("%s %s", f"going on from step {done:,}:" if done else "run:", self.folder.path)

    def _train(self) -> None:
        learner, total = self.assembly.learner, self.assembly.step_budget or UNLIMITED_STEPS
        self.stop.check()
        if learner.num_timesteps < total:
            with self.clock.training(), contextlib.suppress(Interrupted):
                self._warm_start()
                learner.learn(total, callback=self.boundary, reset_num_timesteps=False)
        if self.boundary.saved_at_step != self.boundary.num_steps:
            self.boundary.save()
        try:
            self.boundary.exploration.write(self.folder.path, self.boundary.num_steps)
        except OSError as error:
            raise RunError(f"{self.folder.path}: the visits could not be written: {error}.") from error
        self.stop.check()

    def _finish(self) -> dict[str, Any]:
        from rlsuite.experiment.finish import finish

        return finish(self)

    def _print_ending(self, status: Status) -> None:
        from rlsuite.experiment.finish import print_ending

        print_ending(self, status)

    def _warm_start(self) -> None:
        """Let learned rewards prepare a policy that has not acted yet (cloned demonstrations)."""
        if int(self.assembly.learner.num_timesteps) == 0:
            for reward in self.assembly.rewards:
                warm_start = getattr(reward, "warm_start", None)
                if warm_start is not None:
                    warm_start(self.assembly.learner)

    def _fail(self, error: BaseException) -> None:
        LOGGER.error("the run failed: %s", error)
        if not isinstance(error, RunError):
            with contextlib.suppress(OSError), open(self.folder.log, "a", encoding="utf-8") as file:
                file.write("".join(traceback.format_exception(error)))
        with contextlib.suppress(RunError):
            self.write_summary("failed", error=str(error) or type(error).__name__)

    def _close(self) -> None:
        self.boundary.close()
        with contextlib.suppress(OSError, RunError):
            self.writers.close()
        self.assembly.close()

    # -- services ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def pause_training(self) -> Iterator[None]:
        """Time in here is not training: neither ``train_wall_s`` nor ``time/fps`` counts it."""
        before = self.clock.wall_s
        with self.clock.paused():
            yield
        learner = self.assembly.learner
        learner.start_time += int((self.clock.wall_s - before) * 1e9)

    def save(self, *, score: float | None = None, milestone: bool = False) -> Path:
        """Save a checkpoint of this moment; metrics up to it are on the disk before it.

        Raises:
            RunError: It could not be written.
        """
        learner = self.assembly.learner
        parts = to_parts(learner, self.run_state())
        path = self.keeper.save(int(learner.num_timesteps), parts, score=score, milestone=milestone)
        self.write_summary("running")
        return path

    def run_state(self) -> StateTree:
        """What the run itself must know to go on: clocks, schedules, counts, lengths of the metric files."""
        return {
            "wall_s": self.clock.wall_s,
            "train_s": self.clock.train_s,
            "schedule": self.boundary.state_dict(),
            "warnings": dict(self.notices.counts),
            "pending": self.writers.pending(),
            "position": self.writers.position(),
        }

    def film(self, checkpoint: str = "final") -> None:
        """Leave a film; what goes wrong there is a warning, for the training is what matters."""
        from rlsuite.experiment.finish import leave_film

        with self.pause_training():
            leave_film(self, checkpoint)

    def write_summary(self, status: Status, **more: Any) -> dict[str, Any]:
        """Write ``summary.json`` as of now.

        Raises:
            RunError: It could not be written.
        """
        steps, train_s = self.assembly.env_steps, self.clock.train_s
        summary = {
            "status": status,
            "env_steps": steps,
            "frames": steps * self.assembly.env.frames_per_step,
            "wall_s": round(self.clock.wall_s, 3),
            "train_wall_s": round(train_s, 3),
            "env_steps_per_s": round(steps / train_s, 1) if train_s > 0 else None,
            "warnings": dict(self.notices.counts),
            "final": self.final,
            **more,
        }
        self.folder.write_summary(summary)
        return summary
