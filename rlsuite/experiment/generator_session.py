"""One training of a generator from its first step (or its checkpoint) to its last word."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Unpack

import torch

from rlsuite.errors import RlsuiteError, RunError
from rlsuite.experiment.generating import GeneratorAssembly, to_parts
from rlsuite.experiment.lifecycle import RunOptions, RunSession
from rlsuite.experiment.logs import LOGGER
from rlsuite.generators.contracts import Samples, capabilities
from rlsuite.generators.images import film_frames, film_strips, grid, to_pixels, write_png
from rlsuite.generators.workers import SharedTraining
from rlsuite.runs.folder import RunFolder, Status
from rlsuite.runs.progress import State
from rlsuite.runs.seeding import stream_seed
from rlsuite.runs.statetree import StateTree
from rlsuite.runs.stopping import Interrupted

PREVIEWS = "samples"
"""Folder of the sample grids, ``step_000000001000.png``."""
N_PREVIEW = 36
LOG_EVERY = 50
"""Steps between metrics."""
FILM_FPS, SAMPLE_FPS = 3.0, 12.0


class GeneratorSession(RunSession):
    """A process's work on the training of a generator.

    Args:
        folder: The run.
        assembly: What trains, its state already restored if the run goes on.
        run: See `RunOptions`.
    """

    def __init__(self, folder: RunFolder, assembly: GeneratorAssembly, **run: Unpack[RunOptions]) -> None:
        super().__init__(folder, assembly.experiment, keep_best=False, **run)
        state = run.get("state")
        self.work = assembly
        self.last_preview = state["last_preview"] if state else -1
        if state:
            self._discard_previews()
        self.saved_at_step = assembly.n_steps if state else -1
        self._saved_at = time.monotonic()

    @property
    def preview_every(self) -> int:
        """Steps between sample grids: ``eval.every_steps``, or a twentieth of the budget."""
        given = self.experiment.eval.every_steps
        return max(1, (self.experiment.budget.train_steps or 20_000) // 20) if given is None else given

    # -- the whole -------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.write_summary("running")
        done, data = self.work.n_steps, self.work.data
        LOGGER.info("%s %s", f"going on from step {done:,}:" if done else "run:", self.folder.path)
        LOGGER.info("%d images of %s (%s)", len(data), data.id, data.licence or "licence unknown")

    def _train(self) -> None:
        with self.clock.training(), contextlib.suppress(Interrupted):
            while not self._finished():
                self._between_steps()
                self._step()
        if self.saved_at_step != self.work.n_steps:
            self.save()
        self.stop.check()

    def _finished(self) -> bool:
        budget = self.experiment.budget
        if self.stop.requested:
            return True
        if budget.train_steps is not None and self.work.n_steps >= budget.train_steps:
            return True
        return budget.seconds is not None and self.clock.train_s >= budget.seconds

    def _step(self) -> None:
        metrics = self.work.state.step()
        step, logger = self.work.n_steps, self.writers.logger
        if step % LOG_EVERY == 0 or step == 1:
            self._check_finite(metrics)
            for name, value in metrics.items():
                logger.record(f"gen/{name}", float(value))
            logger.record("gen/images", step * self.work.state.images_per_step)
            logger.record("time/train_s", self.clock.train_s)
            logger.dump(step)
        if self.progress.due():
            self.progress.update(self.progress_state())

    def _check_finite(self, metrics: Mapping[str, Any]) -> None:
        bad = [name for name, value in metrics.items() if not torch.isfinite(torch.as_tensor(value)).all()]
        if bad:
            raise RunError(
                f"training diverged at step {self.work.n_steps:,}: {', '.join(bad)} is not finite. Lower "
                "generator.learning_rate, and start anew (or resume an earlier checkpoint)."
            )

    def _between_steps(self) -> None:
        """Before a step the state is whole: samples and checkpoints are made here."""
        step, config = self.work.n_steps, self.experiment.checkpoint
        if self.preview_every and step % self.preview_every == 0 and step != self.last_preview:
            self.leave_preview()
        due = step in config.milestones
        due |= bool(config.every_steps) and step > 0 and step % config.every_steps == 0
        due |= bool(config.every_seconds) and time.monotonic() - self._saved_at >= config.every_seconds
        if (due or self.saved_at_step < 0) and step != self.saved_at_step:
            self.save(milestone=step in config.milestones)

    def _finish(self) -> dict[str, Any]:
        """The last samples, the films and the quality figures."""
        self.leave_preview()
        self._leave_films()
        self.progress.update(self.progress_state("scoring samples"), force=self.progress.live)
        return self._scores()

    def _scores(self) -> dict[str, Any]:
        from rlsuite.experiment.generator_scores import score_generator

        found: dict[str, Any] = {"train_steps": self.work.n_steps}
        try:
            found |= score_generator(self.work)
        except RlsuiteError as error:  # the training is done; without the extra it has no figures
            self.notices.add(f"no quality figures: {error}")
        numbers = {f"gen/{k}": v for k, v in found.items() if isinstance(v, float)}
        if numbers:
            self.writers.write(numbers, self.work.n_steps)
        return found

    def _close(self) -> None:
        super()._close()
        if isinstance(self.work.state, SharedTraining):
            with contextlib.suppress(RuntimeError):  # one of them died: the run has failed already
                self.work.state.close()

    # -- services ----------------------------------------------------------------------------------

    def leave_preview(self) -> None:
        """Write the grid of samples of this moment, always of the same seed, as PNG and to TensorBoard."""
        from stable_baselines3.common.logger import Image

        step, began = self.work.n_steps, time.monotonic()
        with self.pause_training():
            images = self.work.generator.preview(self._shown(), n=N_PREVIEW, seed=self._preview_seed())
            sheet = grid(images) if images.dim() == 4 else film_strips(images)
            write_png(self._preview_path(step), sheet, scale=2 if self.work.generator.spec.size[0] <= 64 else 1)
            picture = {"gen/samples": Image(to_pixels(sheet), "HWC")}
            self.writers.tensorboard.write(picture, {"gen/samples": ("",)}, step)
            self.writers.logger.record("sys/preview_s", time.monotonic() - began)
        self.last_preview = step

    def _discard_previews(self) -> None:
        """Later ones than the checkpoint: they are drawn anew."""
        for picture in (self.folder.path / PREVIEWS).glob("step_*.png"):
            if int(picture.stem.removeprefix("step_")) > self.last_preview:
                picture.unlink()

    def _preview_seed(self) -> int:
        return stream_seed(self.experiment.seed, "generator/preview")

    def _shown(self) -> Any:
        return self.work.held_out if len(self.work.held_out) else self.work.data

    def _preview_path(self, step: int) -> Path:
        return self.folder.path / PREVIEWS / f"step_{step:012d}.png"

    def _leave_films(self) -> None:
        """The sample grids one after the other: how the pictures came about. Of films, the last samples too."""
        import numpy as np
        from PIL import Image

        pictures = sorted((self.folder.path / PREVIEWS).glob("step_*.png"))
        generator = self.work.generator
        if not self.experiment.video.final or not isinstance(generator, Samples):
            return
        if len(pictures) >= 2:
            self._write_film("training", FILM_FPS, (np.asarray(Image.open(p).convert("RGB")) for p in pictures))
        if generator.spec.n_frames is not None:
            films = generator.preview(self._shown(), n=N_PREVIEW, seed=self._preview_seed())
            self._write_film("samples", SAMPLE_FPS, film_frames(films, scale=2 if films.shape[-1] <= 64 else 1))

    def _write_film(self, name: str, fps: float, frames: Iterable[Any]) -> None:
        from rlsuite.video.encode import FilmWriter

        try:
            self.folder.videos.mkdir(exist_ok=True)
            with FilmWriter(self.folder.videos / f"{name}.mp4", fps) as film:
                for frame in frames:
                    film.add(frame)
        except (RlsuiteError, OSError) as error:  # a missing codec must not fail a finished training
            self.notices.add(f"no film was made: {error}")

    def save(self, *, score: float | None = None, milestone: bool = False) -> Path:
        """Save a checkpoint of this moment; metrics up to it are on the disk before it.

        Raises:
            RunError: It could not be written.
        """
        step, meta = self.work.n_steps, {"card": self.work.generator.card()}
        parts = to_parts(self.work, self.run_state())
        path = self.keeper.save(step, parts, score=score, milestone=milestone, meta=meta)
        self.saved_at_step, self._saved_at = step, time.monotonic()
        self.write_summary("running")
        return path

    def _own_state(self) -> StateTree:
        return {"last_preview": self.last_preview}

    @property
    def n_images(self) -> int:
        """Images the training has read."""
        return self.work.n_steps * self.work.state.images_per_step

    def _counts(self) -> dict[str, Any]:
        return {"env_steps": 0, "train_steps": self.work.n_steps, "frames": 0, "images": self.n_images}

    def _speed(self) -> dict[str, Any]:
        return {"images_per_s": self.per_train_second(self.n_images)}

    def progress_state(self, doing: str = "") -> State:
        """What the progress line shows."""
        budget = self.experiment.budget
        return State(self.work.n_steps, budget.train_steps, self.clock.train_s, budget.seconds, doing=doing)

    def _print_ending(self, status: Status) -> None:
        console, path = self.progress.console, self.folder.path
        if status != "done":
            console.print(f"stopped at step {self.work.n_steps:,}; go on with: rlsuite resume {path}", markup=False)
            return
        for name, value in (self.final or {}).items():
            shown = f"{value:.4g}" if isinstance(value, float) else value
            console.print(f"{name.replace('_', ' '):>16}  {shown}", markup=False)
        rate = self.n_images / max(self.clock.train_s, 1e-9)
        told = f"{self.work.n_steps:,} steps in {self.clock.train_s:,.0f} s of training ({rate:,.0f} images/s)"
        console.print(told, markup=False)
        for text, count in self.notices.counts.items():
            console.print(f"warning ({count}x): {text}", markup=False, soft_wrap=True)
        console.print(f"samples: {self._preview_path(self.work.n_steps)}", markup=False, soft_wrap=True)
        commands = [*next_commands(self.work, path), f"tensorboard --logdir {path}"]
        console.print("next:\n" + "\n".join(f"  {command}" for command in commands), markup=False, soft_wrap=True)


def next_commands(work: GeneratorAssembly, path: Path) -> list[str]:
    """What to type next: the two best of what this generator can do."""
    said = shlex.quote(work.data.captions[0]) if work.data.captions else "TEXT"
    condition = f" --condition {said}" if work.generator.spec.condition == "text" else ""
    offers = {
        "samples": f"rlsuite sample {path}{condition}",
        "decodes": f"rlsuite grid {path}",
        "transforms": f"rlsuite transform {path} PICTURE",
        "completes": f"rlsuite complete {path} PICTURE",
        "ranks": f"rlsuite rank {path} PICTURES --text {said}",
    }
    able = capabilities(work.generator)
    return [command for name, command in offers.items() if name in able][:2]
