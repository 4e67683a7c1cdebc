"""One training from its first step (or its checkpoint) to its last word."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Unpack

from rlsuite.errors import RunError
from rlsuite.experiment.assembly import UNLIMITED_STEPS, Assembly
from rlsuite.experiment.boundary import Boundary
from rlsuite.experiment.lifecycle import RunOptions, RunSession
from rlsuite.experiment.logs import LOGGER
from rlsuite.experiment.saving import to_parts
from rlsuite.runs.folder import RunFolder, Status
from rlsuite.runs.statetree import StateTree
from rlsuite.runs.stopping import Interrupted


class Session(RunSession):
    """A process's work on the training of an agent.

    Args:
        folder: The run.
        assembly: What trains, its state already restored if the run goes on.
        run: See `RunOptions`.
    """

    def __init__(self, folder: RunFolder, assembly: Assembly, **run: Unpack[RunOptions]) -> None:
        config = assembly.experiment
        super().__init__(folder, config, keep_best=config.checkpoint.best, **run)
        self.assembly = assembly
        self.boundary = Boundary(self)
        if state := run.get("state"):
            self.boundary.load_state_dict(state["schedule"])

    # -- the whole -------------------------------------------------------------------------------

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

    def _close(self) -> None:
        self.boundary.close()
        super()._close()
        self.assembly.close()

    # -- services ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def pause_training(self) -> Iterator[None]:
        """Time in here is not training: neither ``train_wall_s`` nor ``time/fps`` counts it."""
        before = self.clock.wall_s
        with super().pause_training():
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

    def _own_state(self) -> StateTree:
        return {"schedule": self.boundary.state_dict()}

    def film(self, checkpoint: str = "final") -> None:
        """Leave a film; what goes wrong there is a warning, for the training is what matters."""
        from rlsuite.experiment.finish import leave_film

        with self.pause_training():
            leave_film(self, checkpoint)

    def _counts(self) -> dict[str, Any]:
        steps = self.assembly.env_steps
        return {"env_steps": steps, "frames": steps * self.assembly.env.frames_per_step}

    def _speed(self) -> dict[str, Any]:
        return {"env_steps_per_s": self.per_train_second(self.assembly.env_steps)}
