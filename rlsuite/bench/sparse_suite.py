"""What `rlsuite.bench.sparse` runs: levels, agents, and the experiment of each pair, as data."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlsuite.errors import UserError

INTRINSIC_WEIGHT = 0.1
"""Weight of every bonus beside an extrinsic reward of 1; bonuses are scaled to unit deviation of their sum."""


@dataclass(frozen=True)
class SparseLevel:
    """A level of the benchmark.

    Attributes:
        id: Level id.
        budget: Env steps of a full run.
        solved_by: Env steps by which the papers solve it, or None where they do not.
        n_envs: Environments side by side.
        learner: Settings over those of `LEARNER`.
        rewarded: Whether the level pays anything: without, the bonus is all there is, at weight 1.
    """

    id: str
    budget: int
    solved_by: int | None
    n_envs: int = 32
    learner: Mapping[str, Any] = field(default_factory=dict)
    rewarded: bool = True


MARIO: Mapping[str, Any] = {
    "n_steps": 64,
    "batch_size": 512,
    "n_epochs": 3,
    "learning_rate": 7e-4,
    "gamma": 0.98,
    "clip_range": 0.2,
    "ent_coef": 0.005,
    "advantage_norm": "minibatch",
    "network": {"encoder": "small", "encoder_features": 256, "hidden": []},
}
"""Where all reward is bonus, advantages are normalised; small rollouts, because 1.5 M steps are few."""


LEVELS: dict[str, SparseLevel] = {
    "dense": SparseLevel("doom/my_way_home/dense", 4_000_000, 4_000_000),
    "sparse": SparseLevel("doom/my_way_home/sparse", 7_000_000, 7_000_000),
    "very_sparse": SparseLevel("doom/my_way_home/very_sparse", 10_000_000, 10_000_000),
    "sparse_noise": SparseLevel("doom/my_way_home/sparse_noise", 16_000_000, 16_200_000),
    "freedoom_map01": SparseLevel("doom/freedoom2/map01", 10_000_000, None),
    "mario_1_1": SparseLevel("mario/1-1/no_reward", 1_500_000, None, 64, MARIO, rewarded=False),
}

LEARNER: Mapping[str, Any] = {
    "kind": "ppo",
    "n_steps": 128,
    "batch_size": 256,
    "n_epochs": 4,
    "learning_rate": 5e-4,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "ent_coef": 0.002,
    "advantage_norm": "none",
    "network": {"encoder": "small", "encoder_features": 256, "hidden": [], "value_init_gain": 0.05},
}

AGENTS: dict[str, dict[str, Any]] = {
    "ppo": {"kind": "rl"},
    "icm": {"kind": "icm", "rewards": [{"kind": "icm", "preset": "house", "weight": INTRINSIC_WEIGHT}]},
    "icm_sil": {
        "kind": "icm",
        "rewards": [{"kind": "icm", "preset": "house", "weight": INTRINSIC_WEIGHT}],
        "learner": {"self_imitation": {"weight": 4.0}},
    },
    "ppo_sil": {"kind": "rl", "learner": {"self_imitation": {"weight": 4.0}}},
    "icm_plain": {
        "kind": "icm",
        "rewards": [{"kind": "icm", "preset": "house", "ratio_per_action": False, "weight": INTRINSIC_WEIGHT}],
    },
    "icm_pathak2017": {"kind": "icm", "rewards": [{"kind": "icm", "preset": "pathak2017"}]},
    "icm_burda2018": {"kind": "icm", "rewards": [{"kind": "icm", "preset": "burda2018", "weight": INTRINSIC_WEIGHT}]},
    "icm_random": {
        "kind": "icm",
        "rewards": [{"kind": "icm", "preset": "house", "features": "random", "weight": INTRINSIC_WEIGHT}],
    },
    "icm_pixels": {
        "kind": "icm",
        "rewards": [{"kind": "icm", "preset": "house", "features": "pixels", "weight": INTRINSIC_WEIGHT}],
    },
    "icm_only": {
        "kind": "icm",
        "extrinsic_coef": 0.0,
        "rewards": [{"kind": "icm", "preset": "house", "weight": INTRINSIC_WEIGHT}],
    },
    "rnd": {"kind": "rnd", "rewards": [{"kind": "rnd", "weight": INTRINSIC_WEIGHT}]},
    "noveld": {"kind": "noveld", "rewards": [{"kind": "noveld", "weight": INTRINSIC_WEIGHT}]},
    "disagreement": {"kind": "disagreement", "rewards": [{"kind": "disagreement", "weight": INTRINSIC_WEIGHT}]},
    "e3b": {"kind": "e3b", "rewards": [{"kind": "e3b", "weight": INTRINSIC_WEIGHT}]},
    "novelty": {
        "kind": "episodic_novelty",
        "rewards": [{"kind": "episodic_novelty", "lifelong": True, "weight": INTRINSIC_WEIGHT}],
    },
    "position_oracle": {
        "kind": "position_counts",
        "rewards": [{"kind": "position_counts", "weight": INTRINSIC_WEIGHT}],
    },
}


def experiment(level: str, agent: str, *, seed: int, budget: int | None = None) -> dict[str, Any]:
    """The experiment of one cell of the table.

    Args:
        level: Name in `LEVELS`.
        agent: Name in `AGENTS`.
        seed: Its seed.
        budget: Env steps instead of the level's own.

    Raises:
        UserError: Unknown name (with the nearest one).
    """
    place = _find("level", level, LEVELS)
    section = agent_of(agent, {**LEARNER, **place.learner}, rewarded=place.rewarded)
    return {
        "name": f"sparse-{level}-{agent}",
        "seed": seed,
        "budget": {"env_steps": budget or place.budget},
        "env": {"id": place.id, "n_envs": place.n_envs},
        "agent": section,
        "eval": {"deterministic": False, "every_steps": 0, "final_episodes": 48},
        "video": {"final": False},
    }


def agent_of(agent: str, learner: Mapping[str, Any], *, rewarded: bool = True) -> dict[str, Any]:
    """The ``agent`` section; where the level pays nothing, the bonus is all there is.

    Args:
        agent: Name in `AGENTS`.
        learner: Settings of the level, under those of the agent.
        rewarded: Whether the level pays anything.

    Raises:
        UserError: Unknown name (with the nearest one).
    """
    recipe = copy.deepcopy(dict(_find("agent", agent, AGENTS)))
    if not rewarded:
        recipe["extrinsic_coef"] = 0.0
        if "rewards" in recipe:
            recipe["rewards"] = [reward | {"weight": 1.0} for reward in recipe["rewards"]]
    return recipe | {"learner": {**copy.deepcopy(dict(learner)), **recipe.get("learner", {})}}


def _find(kind: str, name: str, table: Mapping[str, Any]) -> Any:
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UserError(f"the benchmarks have no {kind} '{name}'{hint} It has {', '.join(table)}.")
