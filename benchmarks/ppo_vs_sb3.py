"""PPO on Hopper, env steps per second: rlsuite against stock stable-baselines3 on the same cores.

    python benchmarks/ppo_vs_sb3.py --pairs 5 --seconds 8 > ppo_vs_sb3.json

Whole iterations are timed: 16 environments x 128 steps, minibatches of 512, 10 passes, 64-64 tanh.
stable-baselines3 first tries DummyVecEnv and SubprocVecEnv with 1 thread of torch and with one per core, and
goes on with the fastest; then one measurement of each side is a pair, and the ratios' median is reported.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from rlsuite.bench.peers import Child, Sample, start, start_own
from rlsuite.bench.throughput import available_cores, machine, summarise

PPO = {"n_steps": 128, "batch_size": 512, "n_epochs": 10}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--level", default="mujoco/Hopper-v5")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="wall time of one measurement, at least")
    parser.add_argument("--normalize", action="store_true", help="leave rlsuite's observation normalisation on")
    parser.add_argument("--setting", help="skip the search: stable-baselines3's setting, e.g. dummy,1")
    args = parser.parse_args()
    own_spec = {"level": args.level, "n_envs": 16, "n_threads": available_cores(), "n_torch_threads": 1, "seed": 0}
    start_peer = partial(start_sb3, "sb3", own_spec | {"ppo": PPO})
    own_spec["ppo"] = PPO | {"normalize_obs": args.normalize}
    setting, tried = choose_setting(start_peer, sb3_settings(), args.setting, args.seconds)
    with start_own("rlsuite.bench.own_training", own_spec) as own, start_peer(*setting) as peer:
        own.measure(args.seconds / 2)
        pairs = [measure_pair(own, peer, args.seconds, turn) for turn in range(args.pairs)]
        versions = {"rlsuite": own.ready.get("versions"), "sb3": peer.ready.get("versions")}
    print(json.dumps(report(pairs, "sb3", setting, tried) | {"versions": versions, "settings": own_spec}, indent=1))


def start_sb3(peer: str, spec: dict[str, Any], mode: str, n_torch_threads: int) -> Child:
    """stable-baselines3's PPO with one of its vector environments."""
    return start(peer, "training", spec | {"mode": mode, "n_torch_threads": n_torch_threads})


def sb3_settings() -> list[tuple[Any, ...]]:
    """Its vector environments, with one torch thread and with one per core."""
    return [(mode, n) for mode in ("dummy", "subproc") for n in sorted({1, available_cores()})]


def choose_setting(
    start_peer: Callable[..., Child], settings: list[tuple[Any, ...]], wanted: str | None, seconds: float
) -> tuple[tuple[Any, ...], dict[str, float]]:
    """The setting that is ``wanted``, or the fastest one of two tries of each, in turn, and every best speed."""
    if wanted is not None:
        return named_setting(settings, wanted), {}
    speeds = dict.fromkeys(settings, 0.0)
    for setting in settings * 2:
        with start_peer(*setting) as child:
            speeds[setting] = max(speeds[setting], child.measure(seconds / 2).per_s)
        print(f"{words(setting)}: {speeds[setting]:.0f} env steps/s", file=sys.stderr)
    return max(speeds, key=lambda s: speeds[s]), {words(setting): speed for setting, speed in speeds.items()}


def named_setting(settings: list[tuple[Any, ...]], wanted: str) -> tuple[Any, ...]:
    """The setting that a user has typed."""
    found = [setting for setting in settings if words(setting) == wanted]
    if not found:
        raise SystemExit(f"unknown setting '{wanted}'; there are: {' '.join(words(s) for s in settings)}")
    return found[0]


def words(setting: tuple[Any, ...]) -> str:
    """As a user types it."""
    return ",".join(map(str, setting))


def measure_pair(own: Child, peer: Child, seconds: float, turn: int) -> tuple[Sample, Sample]:
    """One measurement of each, in an order that alternates."""
    if turn % 2 == 0:
        ours = own.measure(seconds)
        return ours, peer.measure(seconds)
    theirs = peer.measure(seconds)
    return own.measure(seconds), theirs


def report(
    pairs: list[tuple[Sample, Sample]], peer: str, setting: tuple[Any, ...], tried: dict[str, float]
) -> dict[str, Any]:
    wall = [a.per_s / b.per_s for a, b in pairs]
    core = [a.per_core_s / b.per_core_s for a, b in pairs]
    return {
        "ratio_wall": median(wall),
        "ratio_per_core_s": median(core),
        "pairs": {"wall": wall, "per_core_s": core},
        "rlsuite": summarise([a for a, _ in pairs]),
        peer: summarise([b for _, b in pairs]) | {"setting": words(setting), "tried": tried},
        "machine": machine(),
    }


if __name__ == "__main__":
    main()
