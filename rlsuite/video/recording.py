"""Films of a run: its policy at one checkpoint, or its progress over all of them."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlsuite.errors import RunError, UserError
from rlsuite.video.encode import check_ending
from rlsuite.video.filming import FILM_SEED, Film, FilmOptions, film

if TYPE_CHECKING:
    from rlsuite.experiment.assembly import Assembly
    from rlsuite.runs.folder import RunFolder


def record(
    run: str | os.PathLike[str],
    *,
    checkpoint: str = "final",
    episodes: int | None = None,
    seconds: float | None = None,
    grid: tuple[int, int] = (1, 1),
    side_panel: bool | Literal["auto"] | None = None,
    frames_dir: str | os.PathLike[str] | None = None,
    deterministic: bool = True,
    seed: int = FILM_SEED,
    fps: float | None = None,
    width: int | None = None,
    height: int | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Path:
    """Film the policy of a run. A ``.json`` beside the film says what it shows.

    What is None here stands in the experiment's ``video`` section.

    Args:
        run: The run's folder.
        checkpoint: ``final`` (or ``last``), ``best`` or a number of env steps.
        episodes: Episodes of each cell, one after the other.
        seconds: Longest playing time.
        grid: (rows, columns) of environments side by side.
        side_panel: Learned rewards of each step as curves beside the picture; ``"auto"``: if there are any; True
            without learned rewards: the environment's own.
        frames_dir: A new folder for the level's own frames as PNG.
        deterministic: Film the policy's mode instead of samples.
        seed: Of the episodes; the default is the same for every film.
        fps: Frames per second, usually the level's own rate. The film plays at the level's pace in any case.
        width: Pixels that small pictures are enlarged to at most.
        height: And down.
        out: The film, ``*.mp4``; None for ``videos/`` of the run, named after the checkpoint's step.

    Returns:
        The film's path.

    Raises:
        UserError: There is no such run or checkpoint, or an argument does not fit.
        RunError: The film could not be written.
    """
    if out is not None:
        check_ending(Path(out))
    from rlsuite.experiment.opening import find_checkpoint, open_run
    from rlsuite.runs.folder import RunFolder

    folder = RunFolder.find(run)
    which = find_checkpoint(folder, "final" if checkpoint == "last" else checkpoint)
    step = step_of(which)
    target = Path(out) if out is not None else folder.videos / f"{which.name}{_suffix(grid, deterministic)}.mp4"
    frames = None if frames_dir is None else Path(frames_dir)
    assembly = open_run(folder.path, str(step))
    video = assembly.experiment.video
    options = FilmOptions(
        episodes=episodes or video.n_episodes,
        max_seconds=seconds or video.max_seconds,
        grid=grid,
        panel=side_panel if side_panel is not None else ("auto" if video.panel else False),
        width=width or video.width,
        height=height or video.height,
        fps=fps or video.fps,
        deterministic=deterministic,
        seed=seed,
        frames_dir=frames,
        title=f"policy after {step:,} env steps",
    )
    try:
        found = film_run(assembly, target, options)
    finally:
        assembly.close()
    write_card(found, folder, assembly, {"checkpoint": which.name, "step": step, "deterministic": deterministic})
    return found.path


def film_run(assembly: Assembly, out: Path, options: FilmOptions) -> Film:
    """Film an opened run's policy in environments of its own."""
    from rlsuite.experiment.assembly import make_level

    env = make_level(assembly.experiment, options.grid[0] * options.grid[1], "video", threads=assembly.threads)
    try:
        return film(assembly.learner, env, out, options, rewards=assembly.rewards)
    finally:
        env.close()


def step_of(checkpoint: Path) -> int:
    """The env steps in a checkpoint's name."""
    digits = checkpoint.name.rpartition("_")[2]
    if not digits.isdigit():
        raise UserError(f"{checkpoint} is not named step_<env steps>")
    return int(digits)


def write_card(found: Film, folder: RunFolder, assembly: Assembly, facts: dict[str, Any]) -> Path:
    """Write what a film shows as JSON beside it.

    Raises:
        RunError: It could not be written.
    """
    from rlsuite.runs.files import write_text_atomic
    from rlsuite.runs.manifest import package_versions

    experiment = assembly.experiment
    card = {
        "run": folder.path.name,
        "experiment": experiment.name,
        "level": experiment.env.id if experiment.env else None,
        **facts,
        **{k: v for k, v in dataclasses.asdict(found).items() if k != "path"},
        "versions": package_versions(),
    }
    path = found.path.with_suffix(".json")
    try:
        write_text_atomic(path, json.dumps(card, indent=2) + "\n")
    except OSError as error:
        raise RunError(f"{path} could not be written: {error}") from error
    return path


def _suffix(grid: tuple[int, int], deterministic: bool) -> str:
    cells = "" if grid == (1, 1) else f"-{grid[0]}x{grid[1]}"
    return cells + ("" if deterministic else "-sampled")
