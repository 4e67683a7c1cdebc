import json

import numpy as np
import pytest


@pytest.fixture
def make_run(tmp_path):
    """Writes a run's folder as a training leaves it."""

    def make(
        experiment="gail_hopper",
        seed=0,
        *,
        level="mujoco/Hopper-v5",
        status="done",
        steps=1_000_000,
        n=60,
        curve=None,
        budget=1_000_000,
        final=None,
        extra=None,
        root=tmp_path / "runs",
    ):
        path = root / experiment / f"20261121-22{seed:04d}-s{seed}-ab{seed:02x}"
        for sub in ("tb", "checkpoints", "videos", "plots"):
            (path / sub).mkdir(parents=True)
        (path / "manifest.json").write_text(json.dumps({"experiment": experiment, "seed": seed}))
        (path / "config.resolved.yaml").write_text(
            f"name: {experiment}\nseed: {seed}\nenv:\n  id: {level}\nbudget:\n  env_steps: {budget}\n"
        )
        baselines = {"expert": {"return_mean": 3300.0}, "random": {"return_mean": 18.0}}
        summary = {
            "status": status,
            "env_steps": steps,
            "train_wall_s": 100.0 + seed,
            "env_steps_per_s": 9000.0,
            "final": {"return_mean": 3000.0 + 10 * seed, "baselines": baselines} if final is None else final,
        }
        (path / "summary.json").write_text(json.dumps(summary))
        x = np.linspace(steps / n, steps, n).astype(int)
        noise = np.random.default_rng(seed).normal(0, 60, n)
        y = curve(x) if curve else 3200 / (1 + np.exp(-(x - 4e5 - 4e4 * seed) / 6e4)) + noise
        with open(path / "metrics.jsonl", "w") as file:
            for k in range(n):
                row = {"step": int(x[k]), "wall_s": float(k), "rollout/ep_rew_mean": float(y[k])}
                if k % 6 == 5:
                    row |= {"eval/mean_reward": float(y[k]) + 50, "eval/std_reward": 40.0}
                file.write(json.dumps(row | ({k2: f(x[k]) for k2, f in (extra or {}).items()})) + "\n")
        return path

    return make
