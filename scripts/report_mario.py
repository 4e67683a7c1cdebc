"""Report runs on Mario's levels without reward: a table, curves and visits.

    python scripts/report_mario.py --out docs/results/mario --random 48 RUN RUN ...

Writes ``scores.json``, ``curves.jsonl`` (what the figure is drawn from), ``curves.png`` and, for each run,
``visits_<experiment>_s<seed>.png``. Nothing of the game's pictures is shown. ``--random`` plays so many episodes
of 1-1 with uniformly random actions.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import rlsuite
from rlsuite.bench.sparse_maps import draw_visits
from rlsuite.plots.reading import RunData, read_run
from rlsuite.plots.style import add_legend, colour, new_grid
from rlsuite.runs.folder import RunFolder

START_X, GOAL_X = 40, 3161
"""Where Mario stands at the start of 1-1, and where he holds the flagpole."""
KEYS = ("explore/ep_x", "explore/x_max", "rollout/success_rate", "rollout/ep_len_mean", "train/entropy_loss")
PATHAK_X = 711


def main() -> None:
    """Read the runs and leave the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--random", type=int, default=0, help="episodes of uniformly random actions")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    runs = [(RunFolder.find(run), read_run(RunFolder.find(run).path)) for run in given.runs]
    scores = [describe(folder, data) for folder, data in runs]
    if given.random:
        scores.append(random_control(given.random))
    (given.out / "scores.json").write_text(json.dumps(scores, indent=1) + "\n")
    write_curves(given.out, [data for _, data in runs])
    for folder, data in runs:
        for path in draw_visits(folder.path, out=given.out / f"visits_{data.experiment}_s{data.seed}"):
            if path.suffix != ".png":
                path.unlink()
    for row in scores:
        print(row)


def describe(folder: RunFolder, data: RunData) -> dict[str, Any]:
    """One run: the evaluation of its last policy, and what its training episodes reached."""
    final = data.final or rlsuite.evaluate(folder.path)  # a run that was stopped early has no final evaluation
    score = float(final["normalized_score"])
    steps, flags = data.series("explore/x_max")
    passed, means = data.series("explore/ep_x")
    return {
        "experiment": data.experiment,
        "seed": data.seed,
        "status": data.status,
        "env_steps": int(data.summary.get("env_steps") or 0),
        "train_wall_s": round(float(data.summary.get("train_wall_s") or 0.0)),
        "episodes": final["n_episodes"],
        "mean_furthest_x": round(START_X + score * (GOAL_X - START_X), 1),
        "flags": final.get("success_rate"),
        "mean_length": final.get("length_mean"),
        "furthest_x_ever": float(flags[-1]),
        "first_flag_at_step": next((int(s) for s, x in zip(steps, flags, strict=True) if x >= GOAL_X), None),
        "mean_furthest_x_last_10_rollouts": round(float(np.mean(means[-10:])), 1),
        "steps_to_mean_x_711": next((int(s) for s, x in smoothed(passed, means) if x > PATHAK_X), None),
    }


def smoothed(x: np.ndarray, y: np.ndarray, n: int = 10) -> list[tuple[float, float]]:
    """Means of the last n values, from the n-th on."""
    return [(float(x[i]), float(np.mean(y[i - n + 1 : i + 1]))) for i in range(n - 1, len(x))]


def random_control(n_episodes: int) -> dict[str, Any]:
    """Uniformly random actions in the evaluation's own episodes."""
    from rlsuite.envs.levels import make_vec
    from rlsuite.evaluation import RandomPolicy, play

    n_envs = min(16, n_episodes)
    env = make_vec("mario/1-1/no_reward", n_envs, seed=0)
    found = play(RandomPolicy(env.action_space, n_envs, 0), env, n_episodes, seed=0, deterministic=False)
    env.close()
    assert found.progress is not None
    x = START_X + found.progress * (GOAL_X - START_X)
    return {
        "experiment": "random actions",
        "episodes": n_episodes,
        "mean_furthest_x": round(float(x.mean()), 1),
        "standard_error": round(float(x.std(ddof=1) / np.sqrt(n_episodes)), 1),
        "furthest_x": round(float(x.max()), 1),
        "flags": int((found.progress >= 1.0).sum()),
    }


def write_curves(out: Path, runs: list[RunData]) -> None:
    """Mean furthest x of training episodes and the furthest ever, over env steps."""
    figure, (ax,) = new_grid()
    with open(out / "curves.jsonl", "w", encoding="utf-8") as file:
        for i, data in enumerate(runs):
            label = f"{data.experiment}, seed {data.seed}"
            for row in data.rows:
                kept = {k: round(float(row[k]), 4) for k in KEYS if k in row}
                if kept:
                    file.write(json.dumps({"run": label, "step": row["step"], **kept}) + "\n")
            curve = smoothed(*data.series("explore/ep_x"))
            ax.plot(*zip(*curve, strict=True), color=colour(i), linewidth=2.0, label=f"{label}: mean of episodes")
            ax.plot(*data.series("explore/x_max"), color=colour(i), linewidth=1.0, linestyle=":", label="furthest ever")
    ax.axhline(PATHAK_X, color="#767676", linewidth=1.0, linestyle="--", label="Pathak et al. at 1.5 M: 711")
    ax.axhline(GOAL_X, color="#767676", linewidth=1.0, label="flag: 3,161")
    ax.set_xlabel("env steps (six frames each)")
    ax.set_ylabel("furthest x of an episode (pixels)")
    ax.set_title("Mario 1-1 without any reward, training episodes")
    add_legend(figure)
    figure.savefig(out / "curves.png", dpi=120)


if __name__ == "__main__":
    main()
