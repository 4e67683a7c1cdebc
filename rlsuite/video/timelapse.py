"""One film over all checkpoints of a run: the same start, played by the policy as it was then."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlsuite.errors import UserError
from rlsuite.video.encode import FilmWriter, check_ending
from rlsuite.video.filming import FILM_SEED, Film, FilmOptions, film_rate, shoot


def time_lapse(
    run: str | os.PathLike[str],
    *,
    seconds: float = 6.0,
    n_checkpoints: int = 8,
    grid: tuple[int, int] = (1, 1),
    deterministic: bool = True,
    seed: int = FILM_SEED,
    fps: float | None = None,
    width: int = 480,
    height: int = 480,
    out: str | os.PathLike[str] | None = None,
) -> Path:
    """Film how a run's policy changed. A ``.json`` beside the film says what it shows.

    Args:
        run: The run's folder. Checkpoints that shall be in the film must have been kept
            (``checkpoint.milestones``).
        seconds: Longest playing time of each checkpoint.
        n_checkpoints: At most so many, spread evenly over those kept; first and last are among them.
        grid: (rows, columns) of environments side by side.
        deterministic: Film the policy's mode instead of samples.
        seed: Of the episode, the same for every checkpoint.
        fps: Frames per second; None for the level's own rate.
        width: Pixels that small pictures are enlarged to at most.
        height: And down.
        out: The film, ``*.mp4``; None for ``videos/timelapse.mp4`` of the run.

    Raises:
        UserError: There is no such run, or it kept fewer than two checkpoints.
        RunError: The film could not be written.
    """
    if out is not None:
        check_ending(Path(out))
    from rlsuite.experiment.opening import open_run
    from rlsuite.runs.folder import RunFolder
    from rlsuite.runs.keeper import CheckpointKeeper
    from rlsuite.video.recording import write_card

    folder = RunFolder.find(run)
    kept = CheckpointKeeper(folder.checkpoints).list()
    if len(kept) < 2:
        raise UserError(
            f"{folder.path} kept {len(kept)} checkpoint(s); a time lapse needs two or more. "
            "Give `checkpoint.milestones` in the experiment, e.g. [0, 100000, 500000]."
        )
    chosen = spread(kept, n_checkpoints)
    target = Path(out) if out is not None else folder.videos / "timelapse.mp4"
    options = FilmOptions(1, seconds, grid, False, width, height, fps, deterministic, seed)
    assembly = open_run(folder.path, str(chosen[-1].step))
    try:
        films = _shoot_all(assembly, [c.path for c in chosen], target, options)
    finally:
        assembly.close()
    whole = dataclasses.replace(
        films[-1],
        episodes=[{"step": c.step, **e} for c, f in zip(chosen, films, strict=True) for e in f.episodes],
        n_steps=sum(f.n_steps for f in films),
    )
    write_card(whole, folder, assembly, {"checkpoints": [c.path.name for c in chosen], "deterministic": deterministic})
    return target


def spread(items: Sequence[Any], n: int) -> list[Any]:
    """At most ``n`` items, evenly spread, first and last included."""
    if len(items) <= n:
        return list(items)
    return [items[round(i * (len(items) - 1) / (n - 1))] for i in range(n)]


def _shoot_all(assembly: Any, checkpoints: Sequence[Path], target: Path, options: FilmOptions) -> list[Film]:
    from rlsuite.experiment.assembly import make_level
    from rlsuite.experiment.saving import load_acting
    from rlsuite.video.recording import step_of

    env = make_level(assembly.experiment, options.grid[0] * options.grid[1], "video", threads=assembly.threads)
    try:
        with FilmWriter(target, options.fps or film_rate(env.render_fps)) as writer:
            films = []
            for path in checkpoints:
                load_acting(assembly.learner, path)
                titled = dataclasses.replace(options, title=f"after {step_of(path):,} env steps")
                films.append(shoot(assembly.learner, env, titled, writer))
        films[-1].n_frames, films[-1].size = writer.n_frames, writer.size
        return films
    finally:
        env.close()
