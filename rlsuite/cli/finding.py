"""Finds the run a user means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rlsuite.errors import UserError

if TYPE_CHECKING:
    from rlsuite.runs.folder import RunFolder


def find_run(run: Path, root: Path = Path("runs")) -> Path:
    """The run's folder for a path, an experiment's name (its newest run), or any part of one run's name below ``root``.

    Raises:
        UserError: There is none, or more than one.
    """
    from rlsuite.runs.folder import RunFolder, list_runs

    for place in (run, root / run):
        if place.exists():
            return RunFolder.find(place).path
    fits = [folder.path for folder in list_runs(root) if str(run) in str(folder.path.relative_to(root))]
    if len(fits) > 1:
        names = "\n  ".join(str(path) for path in fits[-5:])
        raise UserError(f"'{run}' fits {len(fits)} runs, name one of them:\n  {names}")
    if not fits:
        raise UserError(f"there is no run {run}, here or in {root}. `rlsuite ls runs` lists them.")
    return fits[0]


def find_runs(names: list[Path], root: Path = Path("runs")) -> list[Path]:
    """Folders that are there as they are (a run's, or one that holds runs), everything else through `find_run`."""
    places = [next((place for place in (name, root / name) if place.exists()), None) for name in names]
    return [place or find_run(name, root) for name, place in zip(names, places, strict=True)]


def newest_interrupted(root: Path) -> Path:
    """The newest run that was interrupted or killed.

    Raises:
        UserError: There is none.
    """
    from rlsuite.runs.folder import list_runs

    for folder in reversed(list_runs(root)):
        if _interrupted(folder):
            return folder.path
    raise UserError(f"no run in {root} was interrupted, so there is nothing to resume. `rlsuite ls runs` lists them.")


def _interrupted(folder: RunFolder) -> bool:
    from rlsuite.errors import DataError

    try:
        return folder.read_summary().get("status") == "interrupted"
    except DataError:
        return False
