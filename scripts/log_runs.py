"""Append one JSON line a run to a log of recipes: what was set, how far it came, what it scored.

python scripts/log_runs.py runs/*/* >> docs/results/gail_hopper/tried.jsonl
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ruamel.yaml import YAML

MILESTONES = (30_000, 60_000, 100_000, 150_000, 200_000, 300_000, 400_000, 600_000)
LEARNER = (
    "kind",
    "n_steps",
    "batch_size",
    "n_epochs",
    "learning_rate",
    "lr_schedule",
    "gamma",
    "gae_lambda",
    "learning_starts",
    "policy_starts",
    "gradient_steps",
    "policy_delay",
    "policy_average",
    "deterministic_share",
    "normalize_obs",
    "tau",
    "ent_coef_init",
    "reward_update_every",
    "reward_updates",
    "reward_batch_size",
    "reward_window",
)
NETWORK = ("hidden", "log_std_init", "n_critics", "critic_layer_norm")
REWARD = (
    "inputs",
    "reward_form",
    "hidden_sizes",
    "learning_rate",
    "n_updates",
    "batch_size",
    "gradient_penalty_coef",
    "gradient_penalty",
    "gradient_penalty_target",
    "spectral_norm",
    "replay_size",
    "entropy_coef",
    "bc_steps",
    "bc_coef",
    "demo_share",
)


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        if (path / "summary.json").is_file():
            print(json.dumps(line(path)))


def line(path: Path) -> dict:
    summary = json.loads((path / "summary.json").read_text())
    config = YAML(typ="safe").load(path / "config.resolved.yaml")
    learner, reward = config["agent"]["learner"], config["agent"]["rewards"][0]
    metrics = [json.loads(text) for text in (path / "metrics.jsonl").read_text().splitlines()]
    curve = [(m["step"], m["rollout/ep_rew_mean"]) for m in metrics if "rollout/ep_rew_mean" in m]
    final = summary["final"] or {}
    return {
        "tag": config["name"],
        "run": path.name,
        "seed": config["seed"],
        "status": summary["status"],
        "env_steps": curve[-1][0],
        "planned_steps": config["budget"]["env_steps"],
        "train_return_at": {f"{k // 1000}k": round(next((r for s, r in curve if s >= k), float("nan")))
                            for k in MILESTONES if k <= curve[-1][0]},
        "last_train_return": round(curve[-1][1]),
        "normalized_score": final.get("normalized_score") and round(final["normalized_score"], 4),
        "return_mean": final.get("return_mean") and round(final["return_mean"], 1),
        "train_wall_s": summary["train_wall_s"],
        "learner": {k: learner[k] for k in LEARNER if k in learner}
        | {"n_envs": config["env"]["n_envs"]}
        | {k: learner["network"][k] for k in NETWORK if k in learner["network"]},
        "reward": {k: reward[k] for k in REWARD if k in reward},
        "demos": config["demos"],
    }  # fmt: skip


if __name__ == "__main__":
    main()
