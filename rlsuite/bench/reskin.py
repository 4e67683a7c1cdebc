"""The benchmark of generated reskins: how a trained policy fares when only the looks change.

    report = run({"none": ["runs/ppo_mario/..."]}, {"dcgan": "packs/dcgan"}, folder="bench/reskin")

Every run is tested on its own level in the original look, on every look of every family, and along the dial from
the original to the family's looks. Looks change nothing but looks (`rlsuite.skins.check`), so the same seeds give the
same episodes to the same actions, and a policy's actions can be compared state by state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlsuite import skins
from rlsuite.bench.reskin_measures import cvar, gap, radius, read_out, told_apart
from rlsuite.bench.reskin_report import write_report
from rlsuite.config.schema import load_experiment
from rlsuite.envs.vector import VectorEnv
from rlsuite.evaluation import Evaluation, RandomPolicy, own_streams, play
from rlsuite.experiment import open_run
from rlsuite.experiment.assembly import make_level
from rlsuite.runs.folder import RunFolder
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
        max_episode_steps: Decisions of an episode; None for the run's own. A policy that a look confuses may stand
            still until the clock ends, which takes long.
    """

    n_episodes: int = 8
    n_states: int = 100
    n_envs: int = 8
    seed: int = 0
    dials: Sequence[float] = DIALS
    max_episode_steps: int | None = None


def run(
    arms: Mapping[str, Sequence[str | Path]],
    families: Mapping[str, str | Path],
    folder: str | Path,
    plan: Plan | None = None,
    *,
    on_cell: Any = lambda _: None,
) -> dict[str, Any]:
    """Test the runs of every arm on every family; what the folder already holds is not tested again.

    Args:
        arms: Name to the runs (seeds) of each.
        families: Name to the pack of each, which no arm may have trained on.
        folder: Where ``cells/``, ``report.json``, ``report.md`` and the curve are written.
        plan: How much is tested.
        on_cell: Told what is being tested.

    Raises:
        UserError: A run that trained on one of the looks it is to be tested on; a pack of another level.
    """
    plan, folder = plan or Plan(), Path(folder)
    packs = {name: skins.load_pack(path) for name, path in families.items()}
    for path in (path for runs in arms.values() for path in runs):
        refuse_seen(open_section(path).skin, packs)
    cells = []
    for arm, runs in arms.items():
        for path in runs:
            kept = {name: cell_file(folder, path, pack, plan) for name, pack in packs.items()}
            missing = {name: packs[name] for name, file in kept.items() if not file.is_file()}
            on_cell(f"{arm}: {path}" + ("" if missing else " (tested before)"))
            for cell in examine(path, missing, plan) if missing else ():
                write_json(kept[cell["family"]], cell)
            cells += [{"arm": arm, "run": Path(path).name, **json.loads(f.read_text())} for f in kept.values()]
    report = {"plan": asdict(plan), "packs": {n: p.provenance for n, p in packs.items()}, "cells": cells}
    return write_report(folder, report)


def open_section(path: str | Path) -> Any:
    """The ``env`` section of a run."""
    return load_experiment(RunFolder.find(Path(path)).resolved).experiment.env


def cell_file(folder: Path, path: str | Path, pack: AssetPack, plan: Plan) -> Path:
    """Where the result of one run on one family is kept; named after all that it depends on."""
    run = RunFolder.find(Path(path))
    state = max((each.name for each in run.checkpoints.iterdir()), default="none")
    facts = [run.path.name, state, [pack.digest(k) for k in range(len(pack))], asdict(plan)]
    return folder / "cells" / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}.json"


def write_json(path: Path, tree: Any) -> None:
    """Write aside and rename, so that a file that is there is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(tree, indent=1, default=float) + "\n")
    aside.replace(path)


def examine(path: str | Path, packs: Mapping[str, AssetPack], plan: Plan) -> Iterator[dict[str, Any]]:
    """One run on every family, one after the other."""
    assembly = open_run(path)
    section: Any = assembly.experiment.env
    limit = plan.max_episode_steps or section.max_episode_steps
    bare = section.model_copy(update={"skin": None, "max_episode_steps": limit})
    bare_experiment = assembly.experiment.model_copy(update={"env": bare})
    env = make_level(bare_experiment, plan.n_envs, "reskin", threads=assembly.threads)
    other = make_level(bare_experiment, plan.n_envs, "reskin", threads=assembly.threads)
    try:
        kind = assembly.level.tags.get("score")
        tester = Tester(assembly.learner, env, other, plan, assembly.experiment.eval.deterministic, kind)
        for name, pack in packs.items():
            yield {"family": name, "level": section.id, "score": kind or "return", **tester.family(pack)}
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


class Tester:
    """Plays one policy.

    Args:
        policy: The run's learner.
        env: Its level in its own look.
        other: The same once more, for lock-step comparisons.
        plan: How much is tested.
        deterministic: Whether the mode of the actions is played.
        kind: See `scores`.
    """

    def __init__(
        self, policy: Any, env: VectorEnv, other: VectorEnv, plan: Plan, deterministic: bool, kind: str | None
    ) -> None:
        self.policy, self.env, self.other, self.plan, self.deterministic = policy, env, other, plan, deterministic
        self.kind = kind
        self.original = self.play()
        self.floor = float(self.play(policy=RandomPolicy(env.action_space, env.num_envs, plan.seed)).mean())

    def play(
        self, packs: Sequence[AssetPack] = (), choices: Sequence[int] | None = None, policy: Any = None
    ) -> np.ndarray:
        """Scores of the same episodes in some looks, (n_episodes,); in the level's own without packs."""
        if packs:
            skins.wear(self.env, packs, seed=self.plan.seed, every=1, choices=choices)
        else:
            skins.undress(self.env)
        episodes, seed = self.plan.n_episodes, self.plan.seed
        found = play(policy or self.policy, self.env, episodes, seed=seed, deterministic=self.deterministic)
        return scores(found, self.kind)

    def family(self, pack: AssetPack) -> dict[str, Any]:
        """Everything about one family of looks."""
        own, floor = float(self.original.mean()), self.floor
        n, turned = len(pack), [skins.turn(pack, self.env, d) for d in self.plan.dials if 0 < d < 1]
        packs = [pack, *turned]  # worn together: engines start once
        looks = [float(self.play(packs, [k]).mean()) for k in range(n)]
        between = [float(self.play(packs, range(j * n, (j + 1) * n)).mean()) for j in range(1, len(packs))]
        curve = [own, *between, float(np.mean(looks))]
        states = self.states(pack)
        return {
            "floor": floor,
            "original": own,
            "looks": looks,
            "gap": gap(own, float(np.mean(looks)), floor),
            "worst": min(looks),
            "cvar20": cvar(looks),
            "curve": list(zip(self.plan.dials, curve, strict=True)),
            "radius": radius(list(self.plan.dials), curve, floor),
            "legible": states["read_out"] / max(states["read_out_original"], 1e-9),
            **states,
        }

    def states(self, pack: AssetPack) -> dict[str, float]:
        """Compare state by state: the policy plays in the original look, and is asked in both."""
        skins.undress(self.env)
        skins.wear(self.other, pack, seed=self.plan.seed, every=1)
        obs, seen = self.env.reset_all(self.plan.seed), self.other.reset_all(self.plan.seed)
        kept, answers, state = ([], []), [], []
        with own_streams(self.policy, self.plan.seed):
            for _ in range(self.plan.n_states):
                answers.append(answer(self.policy, obs, seen))
                kept[0].append(newest(obs))
                kept[1].append(newest(seen))
                action, _ = self.policy.predict(obs.cpu().numpy(), deterministic=self.deterministic)
                step = self.env.step_tensor(action)
                state.append(visible_state(step.info, self.env.num_envs))
                obs, seen = step.obs, self.other.step_tensor(action).obs
        a, b = (np.concatenate(part) for part in kept)
        before = np.concatenate(state)
        return {
            **{key: float(np.mean([each[key] for each in answers])) for key in answers[0]},
            "read_out_original": read_out(a, before),
            "read_out": read_out(b, before),
            "told_apart": told_apart(a, b),
        }


@torch.no_grad()
def answer(policy: Any, obs: torch.Tensor, seen: torch.Tensor) -> dict[str, float]:
    """What the policy would do and expect in two looks of the same states, means over environments.

    ``agreement``: share of equal modes. ``kl``: divergence of the actions' distribution, nats. ``value_gap``: how much
    less the environment's return is valued, in the value's own (perhaps normalised) unit.
    """
    network = policy.policy
    own, other = (network.get_distribution(x.to(network.device)).distribution for x in (obs, seen))
    same = (own.mode == other.mode).reshape(len(obs), -1).all(1).float().mean()
    kl = torch.distributions.kl_divergence(own, other).reshape(len(obs), -1).sum(1).mean()
    values = [network.predict_values(x.to(network.device))[:, 0].mean() for x in (obs, seen)]
    return {"agreement": float(same), "kl": float(kl), "value_gap": float(values[0] - values[1])}


def newest(obs: torch.Tensor) -> np.ndarray:
    """The newest picture of each stack, a copy; features as they are."""
    return (obs[:, -1] if obs.dim() == 4 else obs).cpu().numpy().copy()


SHOWN = ("left_x_pos", "y_pos", "x", "y")
"""What of a level's info can be seen on the screen."""


def visible_state(info: Mapping[str, Any], n: int) -> np.ndarray:
    """The numbers that a picture tells, (n, k)."""
    columns = [np.asarray(info[key], dtype=np.float64) for key in SHOWN if key in info]
    return np.stack(columns, axis=1) if columns else np.zeros((n, 1))


def scores(found: Evaluation, kind: str | None = None) -> np.ndarray:
    """The level's own score of each episode.

    Args:
        found: The episodes.
        kind: ``progress``, ``success`` or ``return``, as the level's registry entry says.
    """
    known = {"progress": found.progress, "success": found.successes}.get(kind or "")
    return found.returns if known is None else known
