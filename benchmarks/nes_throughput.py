"""Measure rlsuite's NES against nes-py, in interleaved pairs on one core, and print JSON.

python benchmarks/nes_throughput.py            # the three settings of docs/nes.md
python benchmarks/nes_throughput.py --pairs 9 --seconds 2
"""

from __future__ import annotations

import argparse
import json

import torch

from rlsuite.envs.mario.throughput import measure

SETTINGS = {
    "64 environments, 84x84 pictures": {"n_envs": 64},
    "64 environments, no pictures": {"n_envs": 64, "picture": False},
    "1 environment, 84x84 pictures": {"n_envs": 1},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="measurements of each (default 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds of one measurement (default 1)")
    parser.add_argument("--level", default="mario/1-1/no_reward", help="level id")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = {name: measure(**vars(arguments), **settings) for name, settings in SETTINGS.items()}
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
