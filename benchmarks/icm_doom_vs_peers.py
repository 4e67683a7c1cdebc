"""ICM on Doom, env steps per second end to end: rlsuite against PPO of other libraries without any curiosity.

    python benchmarks/icm_doom_vs_peers.py --pairs 5 --seconds 14 > icm_doom_vs_sb3.json
    python benchmarks/icm_doom_vs_peers.py --peer sample_factory --pairs 5 --seconds 20 > icm_doom_vs_sf.json

Both sides: My Way Home, 160x120 gray shrunk to 42x42, four pictures, four tics, 16 games x 128 steps, minibatches of
256, 4 passes, the four convolutions of Pathak et al. 2017 and 256 features, no memory. rlsuite trains the curiosity
module beside it (its own encoder of the same size), on runs of 16 consecutive steps; ``--plain`` leaves it out. A peer
runs its fastest setting (vector environment and torch threads, or workers), found first; then one measurement of each
side is a pair, and the ratios' median is reported. Sample Factory learns from older policies while it collects.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from ppo_vs_sb3 import choose_setting, measure_pair, report, sb3_settings, start_sb3

from rlsuite.bench.peers import Child, start, start_own

FEATURES = 256
PPO = {"n_steps": 128, "batch_size": 256, "n_epochs": 4, "learning_rate": 5e-4}
LEVEL = {"level": "doom/my_way_home/sparse", "n_envs": 16, "seed": 0}
ENCODER = f"agent.learner.network={{encoder: pathak, encoder_features: {FEATURES}, hidden: [], value_init_gain: 0.05}}"
CURIOSITY = "agent.rewards=[{kind: icm, preset: house, weight: 0.1, encoder: pathak, run_length: 16}]"
BOTH = [f"env.n_envs={LEVEL['n_envs']}", *(f"agent.learner.{key}={value}" for key, value in PPO.items()), ENCODER]


SPEC = LEVEL | {"features": FEATURES, "ppo": PPO}


def start_sample_factory(n_workers: int) -> Child:
    """Sample Factory's asynchronous PPO."""
    return start("sample_factory", "training", SPEC | {"n_workers": n_workers})


PEERS: dict[str, tuple[Callable[..., Child], list[tuple[Any, ...]]]] = {
    "sb3": (partial(start_sb3, "sb3_doom", SPEC), sb3_settings()),
    "sample_factory": (start_sample_factory, [(1,), (2,), (4,)]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=list(PEERS), default="sb3")
    parser.add_argument("--setting", help="skip the search: the peer's setting, e.g. subproc,1 or 2")
    parser.add_argument("--plain", action="store_true", help="rlsuite without curiosity too")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=14.0, help="wall time of one measurement, at least")
    args = parser.parse_args()
    start_peer, settings = PEERS[args.peer]
    setting, tried = choose_setting(start_peer, settings, args.setting, args.seconds)
    own_spec = {
        "experiment": "experiments/ppo_doom_sparse.yaml" if args.plain else "experiments/icm_doom_sparse.yaml",
        "overrides": BOTH if args.plain else [*BOTH, CURIOSITY],
    }
    with start_own("rlsuite.bench.own_experiment", own_spec) as own, start_peer(*setting) as peer:
        own.measure(args.seconds / 2)
        pairs = [measure_pair(own, peer, args.seconds, turn) for turn in range(args.pairs)]
        versions = {"rlsuite": own.ready.get("versions"), args.peer: peer.ready.get("versions")}
    print(json.dumps(report(pairs, args.peer, setting, tried) | {"versions": versions, "settings": own_spec}, indent=1))


if __name__ == "__main__":
    main()
