"""The arms of the reskin benchmark: what is trained, on how many looks, with which remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rlsuite.bench.sparse_suite import LEARNER, MARIO
from rlsuite.errors import DataError, UserError
from rlsuite.runs.folder import list_runs

REMEDIES = ("crop", "shift", "convolution", "overlay")
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


def experiment(level: str, arm: str, packs: Sequence[Path], seed: int, budget: int) -> dict[str, Any]:
    """One training as an experiment.

    Raises:
        UserError: There is no such arm, or it has no packs.
    """
    env: dict[str, Any] = {"id": level, "n_envs": 32}
    if arm in REMEDIES:
        env["observation"] = [{"kind": "augment", "to": arm}]
    elif match := _SKINS.fullmatch(arm):
        if not packs:
            raise UserError(f"arm {arm} needs looks to train on: --train-pack PACK")
        env["skin"] = {"packs": [str(path.absolute()) for path in packs], "pool": int(match[1])}
    elif arm != "none":
        raise UserError(f"arm {arm!r} is unknown; none, {', '.join(REMEDIES)} and skins-1, skins-4, ... are possible")
    rewarded = not level.endswith("/no_reward")
    agent: dict[str, Any] = {"learner": {"kind": "ppo", **(MARIO if level.startswith("mario/") else LEARNER)}}
    if not rewarded or level.endswith("sparse"):
        agent |= {
            "kind": "icm",
            "rewards": [{"kind": "icm", "preset": "house", "weight": 1.0 if not rewarded else 0.1}],
        }
    return {
        "name": f"reskin-{level.replace('/', '-')}-{arm}",
        "seed": seed,
        "budget": {"env_steps": budget},
        "env": env,
        "agent": agent,
        "eval": {"every_steps": 0, "final_episodes": 8, "deterministic": False},
        "video": {"final": False},
    }


def train_arms(
    level: str,
    arms: Sequence[str],
    packs: Sequence[Path],
    seeds: Iterable[int],
    folder: Path,
    budget: int,
    overrides: Sequence[str] = (),
) -> dict[str, list[Path]]:
    """Train what is not there yet, seed by seed, and name the runs of each arm.

    Raises:
        UserError: An unknown arm, before anything is trained.
        KeyboardInterrupt: A run was interrupted; it was saved, and the same command goes on with it.
    """
    import rlsuite

    plans = [(arm, experiment(level, arm, packs, seed, budget)) for seed in seeds for arm in arms]
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
