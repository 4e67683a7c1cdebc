"""The benchmark of generated reskins: how a trained policy fares when only the looks change.

    report = run({"none": ["runs/ppo_mario/..."]}, {"dcgan": "packs/dcgan"}, folder="bench/reskin")

Every run is tested on its own level in the original look, on every look of every family, and along the dial from
the original to the family's looks. Looks change nothing but looks (`rlsuite.skins.check`), so the same seeds give the
same episodes to the same actions, and a policy's actions can be compared state by state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlsuite import skins
from rlsuite.bench.reskin_measures import LEGIBLE, cvar, gap, radius, read_out, told_apart
from rlsuite.bench.statistics import bootstrap, iqm
from rlsuite.envs.vector import VectorEnv
from rlsuite.evaluation import Evaluation, own_streams, play
from rlsuite.experiment import open_run
from rlsuite.experiment.assembly import make_level
from rlsuite.skins.pack import AssetPack

DIALS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Plan:
    """How much is tested.

    Attributes:
        n_episodes: For each look, and for each point of the dial.
        n_states: Decisions of the state-by-state comparison.
        n_envs: Environments side by side.
        seed: Of all episodes: every policy and look meets the same.
        dials: Points of the curve, rising from 0.
    """

    n_episodes: int = 8
    n_states: int = 100
    n_envs: int = 8
    seed: int = 0
    dials: Sequence[float] = DIALS


def run(
    arms: Mapping[str, Sequence[str | Path]],
    families: Mapping[str, str | Path],
    folder: str | Path,
    plan: Plan | None = None,
    *,
    on_cell: Any = lambda _: None,
) -> dict[str, Any]:
    """Test the runs of every arm on every family.

    Args:
        arms: Name to the runs (seeds) of each.
        families: Name to the pack of each, which no arm may have trained on.
        folder: Where ``report.json`` and ``report.md`` are written.
        plan: How much is tested.
        on_cell: Told what is being tested.

    Raises:
        UserError: A run that trained on one of the looks it is to be tested on; a pack of another level.
    """
    packs = {name: skins.load_pack(path) for name, path in families.items()}
    cells = []
    for arm, runs in arms.items():
        for path in runs:
            on_cell(f"{arm}: {path}")
            cells += [{"arm": arm, "run": Path(path).name, **cell} for cell in examine(path, packs, plan or Plan())]
    report = {"plan": asdict(plan or Plan()), "cells": cells, "arms": summarise(cells)}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=1, default=float) + "\n")
    (folder / "report.md").write_text(table(report["arms"]) + "\n")
    return report


def examine(path: str | Path, packs: Mapping[str, AssetPack], plan: Plan) -> list[dict[str, Any]]:
    """One run on every family."""
    assembly = open_run(path)
    section: Any = assembly.experiment.env
    refuse_seen(section.skin, packs)
    bare_experiment = assembly.experiment.model_copy(update={"env": section.model_copy(update={"skin": None})})
    env = make_level(bare_experiment, plan.n_envs, "reskin", threads=assembly.threads)
    other = make_level(bare_experiment, plan.n_envs, "reskin", threads=assembly.threads)
    try:
        policy, deterministic = assembly.learner, assembly.experiment.eval.deterministic
        tester = _Tester(policy, env, other, plan, deterministic)
        return [{"family": name, **tester.family(pack)} for name, pack in packs.items()]
    finally:
        env.close()
        other.close()
        assembly.close()


def refuse_seen(section: Any, packs: Mapping[str, AssetPack]) -> None:
    """Refuse to test on what was trained on.

    Raises:
        UserError: A look lies in both.
    """
    from rlsuite.errors import UserError
    from rlsuite.skins.wearing import open_pools

    if section is None:
        return
    seen = {pack.digest(k) for pack in open_pools(section).train for k in range(len(pack))}
    for name, pack in packs.items():
        if any(pack.digest(k) in seen for k in range(len(pack))):
            raise UserError(f"family {name}: the run trained on one of its looks; test on looks that were held out")


class _Tester:
    """Plays one policy."""

    def __init__(self, policy: Any, env: VectorEnv, other: VectorEnv, plan: Plan, deterministic: bool) -> None:
        self.policy, self.env, self.other, self.plan, self.deterministic = policy, env, other, plan, deterministic
        self.original = self.play(None)

    def play(self, pack: AssetPack | None) -> np.ndarray:
        """Scores of the same episodes in some looks, (n_episodes,)."""
        skins.undress(self.env) if pack is None else skins.wear(self.env, pack, seed=self.plan.seed, every=1)
        found = play(self.policy, self.env, self.plan.n_episodes, seed=self.plan.seed, deterministic=self.deterministic)
        return scores(found)

    def family(self, pack: AssetPack) -> dict[str, Any]:
        """Everything about one family of looks."""
        own = float(self.original.mean())
        curve = [own if d == 0 else float(self.play(skins.turn(pack, self.env, d)).mean()) for d in self.plan.dials]
        looks = [float(self.play(pack.part(slice(k, k + 1))).mean()) for k in range(len(pack))]
        states = self.states(pack)
        fair = states["read_out"] >= LEGIBLE * states["read_out_original"]
        return {
            "original": own,
            "looks": looks,
            "gap": gap(own, float(np.mean(looks))),
            "worst": min(looks),
            "cvar20": cvar(looks),
            "curve": list(zip(self.plan.dials, curve, strict=True)),
            "radius": radius(list(self.plan.dials), curve),
            "fair": bool(fair),
            **states,
        }

    def states(self, pack: AssetPack) -> dict[str, float]:
        """Compare state by state: the original's actions are played in both."""
        skins.undress(self.env)
        skins.wear(self.other, pack, seed=self.plan.seed, every=1)
        obs, seen = self.env.reset_all(self.plan.seed), self.other.reset_all(self.plan.seed)
        same, kept, state = [], ([], []), []
        with own_streams(self.policy, self.plan.seed):
            for _ in range(self.plan.n_states):
                action, _ = self.policy.predict(obs.cpu().numpy(), deterministic=True)
                there, _ = self.policy.predict(seen.cpu().numpy(), deterministic=True)
                same.append(np.asarray(action) == np.asarray(there))
                kept[0].append(newest(obs))
                kept[1].append(newest(seen))
                step = self.env.step_tensor(action)
                state.append(visible_state(step.info, self.env.num_envs))
                obs, seen = step.obs, self.other.step_tensor(action).obs
        a, b = (np.concatenate(part) for part in kept)
        before = np.concatenate(state)
        return {
            "agreement": float(np.mean(same)),
            "read_out_original": read_out(a, before),
            "read_out": read_out(b, before),
            "told_apart": told_apart(a, b),
        }


def newest(obs: torch.Tensor) -> np.ndarray:
    """The newest picture of each stack, a copy."""
    return obs[:, -1].cpu().numpy().copy()


SHOWN = ("left_x_pos", "y_pos", "x", "y")
"""What of a level's info can be seen on the screen."""


def visible_state(info: Mapping[str, Any], n: int) -> np.ndarray:
    """The numbers that a picture tells, (n, k)."""
    columns = [np.asarray(info[key], dtype=np.float64) for key in SHOWN if key in info]
    return np.stack(columns, axis=1) if columns else np.zeros((n, 1))


def scores(found: Evaluation) -> np.ndarray:
    """The level's own score of each episode: progress, success, or return."""
    return found.progress if found.progress is not None else (
        found.successes if found.successes is not None else found.returns
    )  # fmt: skip


def summarise(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Arms by families, over runs: IQM with intervals where there are several, worst look, radius, agreement."""
    found = []
    for arm, family in dict.fromkeys((cell["arm"], cell["family"]) for cell in cells):
        mine = [cell for cell in cells if (cell["arm"], cell["family"]) == (arm, family)]
        looks = np.array([cell["looks"] for cell in mine])
        radii = [cell["radius"] for cell in mine]
        found.append(
            {
                "arm": arm,
                "family": family,
                "n_runs": len(mine),
                "original": iqm([cell["original"] for cell in mine]),
                "skinned": str(bootstrap(looks)),
                "gap": float(np.mean([cell["gap"] for cell in mine])),
                "worst": float(looks.min()),
                "cvar20": cvar(looks),
                "radius": None if None in radii else float(np.mean(radii)),
                "agreement": float(np.mean([cell["agreement"] for cell in mine])),
                "told_apart": float(np.mean([cell["told_apart"] for cell in mine])),
                "fair": sum(cell["fair"] for cell in mine) / len(mine),
            }
        )
    return found


COLUMNS = (
    *("arm", "family", "n_runs", "original", "skinned", "gap", "worst", "cvar20", "radius", "agreement"),
    *("told_apart", "fair"),
)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The summary as Markdown; a radius of ``>1`` was not reached."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for row in rows:
        cells = [">1" if key == "radius" and row[key] is None else row[key] for key in COLUMNS]
        lines.append("| " + " | ".join(f"{c:.3g}" if isinstance(c, float) else str(c) for c in cells) + " |")
    return "\n".join(lines)
