"""What a pool of skins costs: PPO trained with and without 16 skins, in turn.

    python benchmarks/skin_cost.py                            # Mario and Doom
    python benchmarks/skin_cost.py mario --pairs 5 --steps 8192

Both trainings live in one process and take turns of equal numbers of env steps; what is compared is the CPU
time of the process and of its engines, so that neighbours matter little. The median of the pairs' ratios is the result.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import psutil

from rlsuite import skins
from rlsuite.config.schema import load_experiment
from rlsuite.envs.levels import make_vec
from rlsuite.experiment.assembly import Assembly, assemble

LEVELS = {"mario": ("mario/1-1/dense", 32), "doom": ("doom/my_way_home/dense", 4)}
GOAL = 0.9


def cpu_seconds() -> float:
    """CPU time of this process and of the engines it started."""
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def experiment(level: str, n_envs: int, skin: dict[str, Any] | None) -> Any:
    env: dict[str, Any] = {"id": level, "n_envs": n_envs, "max_episode_steps": 100} | ({"skin": skin} if skin else {})
    learner = {"kind": "ppo", "n_steps": 64, "batch_size": 256, "n_epochs": 4}
    tree = {"name": "cost", "device": "cpu", "budget": {"env_steps": 10**9}, "env": env, "agent": {"learner": learner}}
    return load_experiment(tree).experiment


def train(assembly: Assembly, n_steps: int) -> float:
    """CPU seconds of so many more env steps of training."""
    before = cpu_seconds()
    assembly.learner.learn(assembly.learner.num_timesteps + n_steps, reset_num_timesteps=False)
    return cpu_seconds() - before


def measure(name: str, pairs: int, steps: int) -> list[float]:
    """Speed with skins over speed without, for each pair."""
    level, n_envs = LEVELS[name]
    with tempfile.TemporaryDirectory() as folder:
        bare_level = make_vec(level, 1, n_threads=1)
        skins.noise_pack(bare_level, level=level, n=16).save(Path(folder) / "pack")
        bare_level.close()
        plain = assemble(experiment(level, n_envs, None))
        dressed = assemble(experiment(level, n_envs, {"packs": [str(Path(folder) / "pack")]}))
        try:
            for assembly in (plain, dressed):
                train(assembly, 64 * n_envs)
            found = []
            for k in range(pairs):
                order = (plain, dressed) if k % 2 else (dressed, plain)
                cost = {id(assembly): train(assembly, steps) for assembly in order}
                found.append(cost[id(plain)] / cost[id(dressed)])
                print(f"{name}: {steps / cost[id(plain)]:.0f} env steps per core-second without skins, "
                      f"{steps / cost[id(dressed)]:.0f} with 16, ratio {found[-1]:.3f}", flush=True)  # fmt: skip
            return found
        finally:
            plain.close()
            dressed.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("levels", nargs="*", default=list(LEVELS), help="mario, doom")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4096, help="env steps of a turn")
    options = parser.parse_args()
    for name in options.levels:
        found = measure(name, options.pairs, options.steps)
        print(f"{name}: speed with 16 skins over speed without: median {statistics.median(found):.3f} "
              f"({min(found):.3f} to {max(found):.3f}); goal {GOAL}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
