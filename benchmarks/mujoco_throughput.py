"""Every MuJoCo level against EnvPool and Gymnasium, as a Markdown table.

    python benchmarks/mujoco_throughput.py --peer envpool            random actions
    python benchmarks/mujoco_throughput.py --peer envpool --policy   a 64-64 policy in the loop

Each ratio is rlsuite / peer in env steps per CPU-second, the median over interleaved pairs, with the
smallest and the largest pair beside it. The rows are written to ``--out`` as JSON lines as they come.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rlsuite.bench.throughput import run

TASKS = ("Hopper", "HalfCheetah", "Walker2d", "Ant", "Humanoid", "Reacher", "Swimmer", "InvertedPendulum")


def main() -> None:
    options = parse()
    heads = ["level", "rlsuite", *options.peer, *[f"rlsuite / {peer}" for peer in options.peer]]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for task in options.task:
        result = run(
            f"mujoco/{task}-v5",
            options.peer,
            n_envs=options.n_envs,
            pairs=options.pairs,
            seconds=options.seconds,
            policy=options.policy,
        )
        print(row(f"{task}-v5", result), flush=True)
        if options.out:
            with options.out.open("a") as file:
                file.write(json.dumps(result) + "\n")
    print(f"\n{result['machine']}")


def row(task: str, result: dict) -> str:
    speeds = [result, *result["peers"].values()]
    ratios = [
        f"{result['ratios'][peer]:.2f} ({min(pairs['per_core']):.2f} to {max(pairs['per_core']):.2f})"
        for peer, pairs in result["pairs"].items()
    ]
    return "| " + " | ".join([task, *[f"{speed['env_steps_per_core_s']:,.0f}" for speed in speeds], *ratios]) + " |"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--task", action="append", choices=TASKS)
    parser.add_argument("--n-envs", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--policy", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.task = options.task or TASKS
    return options


if __name__ == "__main__":
    main()
