"""PPO on Hopper, learning curves: rlsuite against stock stable-baselines3 with the same hyper-parameters.

    python benchmarks/ppo_curves_vs_sb3.py train     one run after the other; those already in the file are left out
    python benchmarks/ppo_curves_vs_sb3.py report    the table, curves.csv, curves.png, curves.svg, summary.json

Ours are ordinary runs of ``experiments/ppo_hopper.yaml`` without normalisation of observations and rewards, which
stock stable-baselines3 has not; its side runs in its own environment, made on first use. A curve is
``rollout/ep_rew_mean`` (mean return of the last 100 training episodes, sampled actions) after every iteration, as both
sides log it; the final score is the mean action's.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rlsuite.bench.peers import start
from rlsuite.bench.statistics import bootstrap, bootstrap_curve
from rlsuite.bench.throughput import machine

ROOT = Path(__file__).parents[1]
LEVEL = "mujoco/Hopper-v5"
N_ENVS = 16
PPO = {
    "n_steps": 128,
    "batch_size": 512,
    "n_epochs": 10,
    "learning_rate": 3e-4,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "clip_range": 0.2,
    "ent_coef": 0.0,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}
FINAL_EPISODES = 20
SIDES = {"rlsuite": "tab:blue", "sb3": "tab:orange"}
Run = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("train", "report"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--env-steps", type=int, default=500_000)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/results/ppo_hopper")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.verb == "train":
        train_all(options.out / "runs.jsonl", options.seeds, options.env_steps)
    else:
        report(options.out, load(options.out / "runs.jsonl"))


def train_all(path: Path, n_seeds: int, env_steps: int) -> None:
    done = {(run["side"], run["seed"]) for run in load(path)}
    for seed in range(n_seeds):
        for side, train in {"rlsuite": train_own, "sb3": train_peer}.items():
            if (side, seed) in done:
                continue
            run = {"side": side, "seed": seed, **train(seed, env_steps), "machine": machine()}
            with path.open("a") as file:
                file.write(json.dumps(run) + "\n")
            print(f"{side} seed {seed}: {run['curve'][-1]} in {run['train_wall_s']:.0f} s", flush=True)


def train_own(seed: int, env_steps: int) -> Run:
    """An ordinary run, started as a user would."""
    import rlsuite

    settings = {f"agent.learner.{key}": value for key, value in PPO.items()} | {
        "agent.learner.normalize_obs": "false",
        "agent.learner.normalize_reward": "false",
        "budget.env_steps": env_steps,
        "env.n_envs": N_ENVS,
        "seed": seed,
        "name": "ppo_hopper_like_sb3",
        "eval.every_steps": 0,
        "eval.final_episodes": FINAL_EPISODES,
        "video.final": "false",
    }
    result = rlsuite.train(ROOT / "experiments/ppo_hopper.yaml", [f"{key}={value}" for key, value in settings.items()])
    path = Path(result.path)
    summary = json.loads((path / "summary.json").read_text())
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    manifest = json.loads((path / "manifest.json").read_text())
    return {
        "curve": [[m["step"], round(m["rollout/ep_rew_mean"], 3)] for m in lines if "rollout/ep_rew_mean" in m],
        "env_steps": summary["env_steps"],
        "train_wall_s": round(summary["train_wall_s"], 1),
        "final_return": round(summary["final"]["return_mean"], 3),
        "final_return_std": round(summary["final"]["return_std"], 3),
        "versions": {"rlsuite": manifest.get("code", manifest).get("commit"), "python": platform.python_version()},
    }


def train_peer(seed: int, env_steps: int) -> Run:
    """stable-baselines3 in its own environment; the whole training comes before its first answer."""
    settings = {
        "level": LEVEL,
        "n_envs": N_ENVS,
        "seed": seed,
        "env_steps": env_steps,
        "final_episodes": FINAL_EPISODES,
        "ppo": PPO,
    }
    with start("sb3", "curve", settings) as child:
        return dict(child.ready)


def load(path: Path) -> list[Run]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def report(out: Path, runs: list[Run]) -> None:
    """IQM over seeds with 95 % stratified-bootstrap intervals, where the intervals overlap, and the figure."""
    sides = {side: sorted((r for r in runs if r["side"] == side), key=lambda r: r["seed"]) for side in SIDES}
    steps = grid(runs)
    bands = {side: bootstrap_curve(curves(of, steps)) for side, of in sides.items()}
    (_, low_a, high_a), (_, low_b, high_b) = bands.values()
    overlap = (low_a <= high_b) & (low_b <= high_a)
    summary = {
        "points": len(steps),
        "share_of_points_where_the_intervals_overlap": float(overlap.mean()),
        "apart_at_env_steps": [int(s) for s in steps[~overlap]],
        "sides": {side: side_summary(of, curves(of, steps)) for side, of in sides.items()},
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    write_csv(out / "curves.csv", steps, sides, bands)
    draw(out, steps, sides, bands)
    print(table(sides), json.dumps(summary, indent=1), sep="\n")


def grid(runs: list[Run]) -> np.ndarray:
    """The iterations (env steps) that every curve has."""
    common = set.intersection(*({point[0] for point in run["curve"]} for run in runs))
    return np.array(sorted(common))


def curves(runs: list[Run], steps: np.ndarray) -> np.ndarray:
    """Returns (n_runs, n_points) at ``steps``."""
    return np.array([[dict(map(tuple, run["curve"]))[step] for step in steps.tolist()] for run in runs])


def side_summary(runs: list[Run], returns: np.ndarray) -> dict[str, Any]:
    scores = {
        "last_point": returns[:, -1],
        "mean_of_curve": returns.mean(axis=1),
        "final_mean_action": np.array([run["final_return"] for run in runs]),
    }
    estimates = {name: bootstrap(values) for name, values in scores.items()}
    return {"n": len(runs)} | {name: {"iqm": e.value, "low": e.low, "high": e.high} for name, e in estimates.items()}


def table(sides: Mapping[str, list[Run]]) -> str:
    """The runs as Markdown."""
    lines = [
        "| side | seed | last point of the curve | final policy, mean action | train wall s |",
        "|---|---|---|---|---|",
    ]
    for side, runs in sides.items():
        lines += [
            f"| {side} | {r['seed']} | {r['curve'][-1][1]:,.0f} | "
            f"{r['final_return']:,.0f} ± {r['final_return_std']:,.0f} | {r['train_wall_s']:,.0f} |"
            for r in runs
        ]
    return "\n".join(lines)


def write_csv(path: Path, steps: np.ndarray, sides: Mapping[str, list[Run]], bands: Mapping[str, tuple]) -> None:
    head, columns = ["env_steps"], [steps.tolist()]
    for side, runs in sides.items():
        head += [f"{side} {name}" for name in ("iqm", "low", "high", *(f"seed {r['seed']}" for r in runs))]
        columns += [np.round(column, 1).tolist() for column in (*bands[side], *curves(runs, steps))]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(zip(*columns, strict=True))


def draw(out: Path, steps: np.ndarray, sides: Mapping[str, list[Run]], bands: Mapping[str, tuple]) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "rlsuite"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2))
    for side, colour in SIDES.items():
        centre, low, high = bands[side]
        axes.plot(steps, curves(sides[side], steps).T, color=colour, alpha=0.3, lw=0.8)
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, lw=0)
        axes.plot(steps, centre, color=colour, lw=2.2, label=f"{side}, IQM of n = {len(sides[side])}, 95 % interval")
    title = "PPO on Hopper-v5, the same hyper-parameters"
    axes.set(xlabel="env steps", ylabel="return of the last 100 training episodes", title=title)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(out / "curves.png", dpi=120)
    figure.savefig(out / "curves.svg", metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
