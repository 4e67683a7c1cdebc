"""What a trained policy is worth on other levels: as it is, trained further there, and against training from nothing.

    found = run("runs/icm_doom_sparse/RUN", ["doom/my_way_home/very_sparse"], seeds=[0, 1, 2], folder="bench/transfer")

The training that goes on is the run's own experiment on the other level, begun with its policy; the learned rewards
and the optimiser begin anew. Like the sparse benchmark it may be stopped and repeated until its table is full.

Reference:
    Pathak et al. 2017, Curiosity-driven Exploration by Self-supervised Prediction, section 4.3 and table 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rlsuite.bench.sparse import Cell, fill
from rlsuite.bench.sparse_report import played
from rlsuite.config.schema import load_experiment
from rlsuite.errors import DataError, UserError
from rlsuite.experiment.opening import evaluate, find_checkpoint, read_experiment
from rlsuite.runs.folder import RunFolder

SCORES = ("normalized_score", "success_rate", "return_mean")
AS_IS, FINE_TUNED, FROM_SCRATCH = "as-is", "fine-tuned", "from-scratch"


def run(
    source: str | Path,
    levels: Iterable[str],
    seeds: Iterable[int],
    folder: str | Path,
    *,
    budget: int | None = None,
    n_episodes: int = 48,
    scratch: bool = True,
    overrides: Sequence[str] = (),
    only_report: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Play a run's policy on other levels, train it further there, and train the same agent there from nothing.

    Args:
        source: The run.
        levels: Level ids.
        seeds: Of the trainings.
        folder: Where runs and report lie.
        budget: Env steps of a training; None for as many as the run's own experiment has.
        n_episodes: Played of the policy as it is, and at the end of each training; actions are sampled.
        scratch: Whether to train from nothing as well.
        overrides: ``"agent.extrinsic_coef=1"`` each, for every training.
        only_report: Train nothing, play nothing.
        quiet: Show no progress.

    Returns:
        The report of `rlsuite.bench.sparse.run`, with a line for the policy as it is on each level.

    Raises:
        UserError: No such run, an unknown level, or one whose observations or actions are others than the run's.
        KeyboardInterrupt: A run was interrupted; it was saved, and so was the report.
    """
    origin, folder = RunFolder.find(source), Path(folder)
    places, numbers = list(levels), list(seeds)
    _own_level(origin)
    if not places:
        raise UserError("bench transfer needs a level to go to: --level ID, may be repeated")
    arms = (FINE_TUNED, FROM_SCRATCH) if scratch else (FINE_TUNED,)
    plans = {
        cell_of(level, arm, seed): experiment(origin, level, arm, seed=seed, budget=budget, n_episodes=n_episodes)
        for seed in numbers
        for level in places
        for arm in arms
    }
    for plan in plans.values():
        load_experiment(plan, overrides)  # a mistake in the last level is told before the first is trained on
    before = [
        played(cell_of(level, AS_IS, 0).level, AS_IS, score, n_episodes)
        for level in places
        if (score := _as_is(origin, level, folder, n_episodes, only_report)) is not None
    ]
    return fill(plans, folder, overrides, before=before, only_report=only_report, quiet=quiet)


def cell_of(level: str, arm: str, seed: int) -> Cell:
    """The cell of a level id."""
    return Cell(level.replace("/", "-"), arm, seed, "transfer")


def experiment(
    origin: RunFolder, level: str, arm: str, *, seed: int, budget: int | None = None, n_episodes: int = 48
) -> dict[str, Any]:
    """A run's experiment on another level, begun with its policy or with nothing."""
    tree = dict(read_experiment(origin).tree)
    agent = {key: value for key, value in tree["agent"].items() if key != "begin_with"}
    if arm == FINE_TUNED:
        agent["begin_with"] = str(find_checkpoint(origin).absolute())
    return tree | {
        "name": cell_of(level, arm, seed).name,
        "seed": seed,
        "budget": {"env_steps": budget or tree["budget"]["env_steps"]},
        "env": tree["env"] | {"id": level},
        "agent": agent,
        "eval": {"deterministic": False, "every_steps": 0, "final_episodes": n_episodes},
        "video": {"final": False},
    }


def _as_is(origin: RunFolder, level: str, folder: Path, n_episodes: int, only_report: bool) -> float | None:
    """Score of the policy on a level it may never have seen; played once, then remembered in the folder."""
    path = folder / "as_is.json"
    try:
        known = json.loads(path.read_text()) if path.exists() else {}
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is broken ({error}); without it the policy is played again") from error
    key = f"{find_checkpoint(origin).absolute()} {level} {n_episodes}"
    if key not in known and not only_report:
        found = _play(origin, level, n_episodes)
        known[key] = next(found[k] for k in SCORES if found.get(k) is not None)
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known, indent=1) + "\n")
    return known.get(key)


def _play(origin: RunFolder, level: str, n_episodes: int) -> dict[str, Any]:
    overrides = [f"env.id={level}"]
    read_experiment(origin, overrides)
    try:
        return evaluate(origin.path, n_episodes, deterministic=False, overrides=overrides)
    except UserError as error:
        raise UserError(
            f"the policy of {origin.path} cannot play {level}: observations and actions there must be those of its own "
            f"level, {_own_level(origin)}"
        ) from error


def _own_level(origin: RunFolder) -> str:
    env = read_experiment(origin).experiment.env
    if env is None:
        raise UserError(f"{origin.path} trained a generator, which does not act")
    return env.id
