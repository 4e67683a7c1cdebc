"""The arms of the reskin benchmark: what is trained, on how many looks, with which remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlsuite.bench.sparse_suite import LEARNER, MARIO, agent_of
from rlsuite.errors import DataError, UserError
from rlsuite.runs.folder import list_runs

REMEDIES = ("crop", "shift", "convolution", "overlay")
"""Changes of what is seen while training."""
QUICK = {"n_steps": 64, "batch_size": 128, "n_epochs": 6, "learning_rate": 5e-4, "normalize_reward": True}
"""Over the settings of `MARIO`: more gradient steps and scaled rewards, for budgets below 100,000 env steps."""
_SKINS = re.compile(r"skins-(\d+)")


def arms_of(pairs: Iterable[str]) -> dict[str, list[Path]]:
    """``ARM=RUN`` words as arms with their runs.

    Raises:
        UserError: A word without ``=``.
    """
    arms: dict[str, list[Path]] = {}
    for word in pairs:
        name, path = _parted(word, "--run ARM=RUN")
        arms.setdefault(name, []).append(path)
    return arms


def named(pairs: Iterable[str]) -> dict[str, Path]:
    """``NAME=PACK`` words.

    Raises:
        UserError: A word without ``=``, or a name twice.
    """
    found: dict[str, Path] = {}
    for word in pairs:
        name, path = _parted(word, "--family NAME=PACK")
        if name in found:
            raise UserError(f"--family: {name} is named twice")
        found[name] = path
    return found


def _parted(word: str, form: str) -> tuple[str, Path]:
    name, equals, path = word.partition("=")
    if not equals or not name or not path:
        raise UserError(f"{word!r}: {form} is wanted")
    return name, Path(path)


@dataclass(frozen=True)
class Recipe:
    """How the arms of a benchmark are trained; the same for all but for what the arm itself changes.

    Attributes:
        level: Level id.
        budget: Env steps.
        agent: Bonus beside the level's reward, a name of `sparse_suite.AGENTS`; ``auto``: ICM where the reward is
            sparse or missing, else none.
        packs: Looks that ``skins-K`` trains on.
        encoder: Run of the generator whose features the arm ``frozen`` sees.
    """

    level: str
    budget: int
    agent: str = "auto"
    packs: Sequence[Path] = ()
    encoder: Path | None = None


def experiment(recipe: Recipe, arm: str, seed: int) -> dict[str, Any]:
    """One training as an experiment.

    Raises:
        UserError: There is no such arm or agent, or it lacks packs or an encoder.
    """
    level, rewarded = recipe.level, not recipe.level.endswith("/no_reward")
    name = recipe.agent
    if name == "auto":
        name = "icm" if not rewarded or level.endswith("sparse") else "ppo"
    n_envs, learner = training_of(level)
    return {
        "name": f"reskin-{level.replace('/', '-')}-{name}-{arm}",
        "seed": seed,
        "budget": {"env_steps": recipe.budget},
        "env": {"id": level, "n_envs": n_envs, **_dressed(recipe, arm)},
        "agent": agent_of(name, learner, rewarded=rewarded),
        "eval": {"every_steps": 0, "final_episodes": 8, "deterministic": False},
        "video": {"final": False},
    }


def _dressed(recipe: Recipe, arm: str) -> dict[str, Any]:
    """What an arm changes in the ``env`` section."""
    if arm == "none":
        return {}
    if arm in REMEDIES:
        return {"observation": [{"kind": "augment", "to": arm}]}
    if arm == "frozen":
        if recipe.encoder is None:
            raise UserError("arm frozen needs a generator that encodes: --encoder RUN")
        return {"observation": [{"kind": "features", "generator": str(recipe.encoder.absolute())}]}
    if match := _SKINS.fullmatch(arm):
        if not recipe.packs:
            raise UserError(f"arm {arm} needs looks to train on: --train-pack PACK")
        return {"skin": {"packs": [str(path.absolute()) for path in recipe.packs], "pool": int(match[1])}}
    known = ", ".join(REMEDIES)
    raise UserError(f"arm {arm!r} is unknown; none, {known}, frozen and skins-1, skins-4, ... are possible")


def training_of(level: str) -> tuple[int, dict[str, Any]]:
    """Environments, and PPO as the level wants it; more is learned from each step where the reward comes soon."""
    if level.startswith("mario/"):
        soon = {} if level.endswith("/no_reward") else {**QUICK, "n_steps": 32, "n_epochs": 4}
        return 32, {"kind": "ppo", **MARIO, **soon}
    if level.startswith(("doom/my_way_home/", "doom/freedoom")):
        return 32, {"kind": "ppo", **LEARNER}
    return 16, {"kind": "ppo", **MARIO, **QUICK}


def train_arms(
    recipe: Recipe, arms: Sequence[str], seeds: Iterable[int], folder: Path, overrides: Sequence[str] = ()
) -> dict[str, list[Path]]:
    """Train what is not there yet, seed by seed, and name the runs of each arm.

    Raises:
        UserError: An unknown arm, before anything is trained.
        KeyboardInterrupt: A run was interrupted; it was saved, and the same command goes on with it.
    """
    import rlsuite

    plans = [(arm, experiment(recipe, arm, seed)) for seed in seeds for arm in arms]
    found: dict[str, list[Path]] = {arm: [] for arm in arms}
    for arm, plan in plans:
        path, done = _existing(folder, plan["name"], plan["seed"])
        if path is None:
            result = rlsuite.train(plan, list(overrides), runs_dir=folder)
        elif not done:
            result = rlsuite.resume(path)
        else:
            found[arm].append(path)
            continue
        if result.status == "interrupted":
            raise KeyboardInterrupt
        found[arm].append(Path(result.path))
    return found


def _existing(folder: Path, name: str, seed: int) -> tuple[Path | None, bool]:
    """A run of that name and seed, and whether it is done."""
    for run in list_runs(folder):
        try:
            same = run.path.parent.name == name and f"-s{seed}-" in run.path.name
            if same and (run.read_summary().get("status") == "done" or any(run.checkpoints.iterdir())):
                return run.path, run.read_summary().get("status") == "done"
        except (DataError, OSError):
            continue
    return None, False
