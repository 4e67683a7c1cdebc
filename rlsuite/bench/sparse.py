"""The benchmark of sparse-reward levels: levels x agents x seeds, one run after the other.

    report = run(["sparse"], ["icm", "ppo"], seeds=[0, 1, 2], folder="bench/sparse")

The folder is the state: a cell whose run is done is not run again, one that was cut short goes on from its
checkpoint, so that the command may be stopped and repeated until the table is full.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlsuite.bench.sparse_report import report, write_report
from rlsuite.bench.sparse_suite import experiment
from rlsuite.errors import DataError, RlsuiteError
from rlsuite.runs.folder import RunFolder, list_runs

Overrides = Sequence[str]


@dataclass(frozen=True)
class Cell:
    """One run of the table: level, agent (names of `sparse_suite`), seed, and the benchmark that it belongs to."""

    level: str
    agent: str
    seed: int
    benchmark: str = "sparse"

    @property
    def name(self) -> str:
        """Of its experiment, and so of the folder that its runs lie in."""
        return f"{self.benchmark}-{self.level}-{self.agent}"

    def __str__(self) -> str:
        """``sparse / icm / seed 0``."""
        return f"{self.level} / {self.agent} / seed {self.seed}"


def run(
    levels: Iterable[str],
    agents: Iterable[str],
    seeds: Iterable[int],
    folder: str | Path,
    *,
    budget: int | None = None,
    overrides: Overrides = (),
    only_report: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Train what is missing, and report on all that is there.

    Runs seed by seed: after the first pass every cell has one seed, so that a table cut short is thin but whole.

    Args:
        levels: Names in `sparse_suite.LEVELS`.
        agents: Names in `sparse_suite.AGENTS`.
        seeds: Seeds.
        folder: Where runs and report lie.
        budget: Env steps instead of each level's own.
        overrides: ``"env.n_envs=8"`` each, for every run.
        only_report: Train nothing.
        quiet: Show no progress.

    Returns:
        The report, which also lies in ``folder`` as ``report.json``, ``report.csv`` and ``report.md``.

    Raises:
        UserError: Unknown level or agent, before anything is trained.
        KeyboardInterrupt: A run was interrupted; it was saved, and so was the report.
    """
    places, recipes = list(levels), list(agents)
    cells = [Cell(level, agent, seed) for seed in seeds for level in places for agent in recipes]
    plans = {cell: experiment(cell.level, cell.agent, seed=cell.seed, budget=budget) for cell in cells}
    return fill(plans, Path(folder), overrides, only_report=only_report, quiet=quiet)


def fill(
    plans: Mapping[Cell, dict[str, Any]],
    folder: Path,
    overrides: Overrides = (),
    *,
    before: Sequence[dict[str, Any]] = (),
    only_report: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Train the cells that are not done yet, in their order, and leave a report after each.

    Args:
        plans: The experiment of each cell.
        folder: Where runs and report lie.
        overrides: ``"env.n_envs=8"`` each, for every run.
        before: Lines of the report's table that stand before the cells' own.
        only_report: Train nothing.
        quiet: Show no progress.

    Returns:
        The report; see `run`.

    Raises:
        KeyboardInterrupt: A run was interrupted; it was saved, and so was the report.
    """
    failures: dict[str, str] = {}

    def leave_report() -> dict[str, Any]:
        return write_report(folder, report(find_runs(folder, plans), failures, before))

    for cell, plan in plans.items() if not only_report else ():
        try:
            interrupted = _complete(cell, plan, folder, list(overrides), quiet)
        except RlsuiteError as error:  # the other cells go on; the report names it
            failures[str(cell)], interrupted = str(error), False
        leave_report()
        if interrupted:
            raise KeyboardInterrupt  # the run was saved; the same command goes on with it
    return leave_report()


def _complete(cell: Cell, plan: dict[str, Any], folder: Path, overrides: list[str], quiet: bool) -> bool:
    """Train a cell to its end; whether Ctrl-C or SIGTERM came before."""
    import rlsuite

    found = find_runs(folder, [cell]).get(cell)
    if found is not None and _status(found) == "done":
        return False
    if found is not None and any(found.checkpoints.iterdir()):
        return rlsuite.resume(found.path, quiet=quiet).status == "interrupted"
    return rlsuite.train(plan, overrides, runs_dir=folder, quiet=quiet).status == "interrupted"


def find_runs(folder: Path, cells: Iterable[Cell]) -> dict[Cell, RunFolder]:
    """The newest run of each cell that has one; of several a finished one."""
    by_name: dict[tuple[str, int], RunFolder] = {}
    for found in list_runs(folder):
        try:
            manifest = found.read_manifest()
        except DataError:
            continue
        key = (found.path.parent.name, int(manifest.get("seed", _seed_in_name(found.path))))
        if key not in by_name or _status(by_name[key]) != "done":
            by_name[key] = found
    wanted = {cell: (cell.name, cell.seed) for cell in cells}
    return {cell: by_name[key] for cell, key in wanted.items() if key in by_name}


def _seed_in_name(path: Path) -> int:
    return next((int(part[1:]) for part in path.name.split("-") if part[:1] == "s" and part[1:].isdigit()), -1)


def _status(found: RunFolder) -> str | None:
    try:
        return found.read_summary().get("status")
    except (DataError, json.JSONDecodeError):
        return None
