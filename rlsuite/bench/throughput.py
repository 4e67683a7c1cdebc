"""How fast a level steps, and how that compares with other software on the same cores.

Every contender runs in a child process of its own and is idle while another is measured. One *pair* is a
measurement of rlsuite and one of the peer, back to back; the ratio is taken within the pair and the
median over the pairs is reported, because a shared machine's speed drifts from minute to minute.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from rlsuite.bench.peers import Child, Sample, start, start_own
from rlsuite.errors import UserError

OWN_DRIVER = "rlsuite.bench.own_throughput"


def run(
    level: str,
    peer: str | Sequence[str] | None = None,
    *,
    n_envs: int = 64,
    n_threads: int | None = None,
    pairs: int = 5,
    seconds: float = 2.0,
    policy: bool = False,
    seed: int = 0,
    overrides: Iterable[str] | Mapping[str, Any] = (),
) -> dict[str, Any]:
    """Measure a level, and peers interleaved with it.

    Args:
        level: Level id, e.g. ``"mujoco/Hopper-v5"``.
        peer: Name of a peer, several, or None; ``"envpool:async"`` asks for a peer's other mode.
        n_envs: Environments side by side.
        n_threads: Threads that step; None for the number of cores.
        pairs: Measurements of each contender.
        seconds: Wall time of one measurement.
        policy: Put a 64-64 policy in the loop (rlsuite: in two groups); otherwise actions are random.
        seed: Seed of environments, actions and policy.
        overrides: Settings of the level, as in an experiment: ``env.frame_size=84``. Of the peers only
            nes_py follows them (its env step is as many frames as ``frame_skip``).

    Returns:
        ``env_steps_per_s``, ``frames_per_s``, ``env_steps_per_core_s``, ``frames_per_core_s`` of rlsuite
        (medians); ``peers``: the same per peer; ``ratios``: ours / theirs per CPU-second, the median over
        the pairs; ``ratios_wall``: the same per second; ``pairs``: every ratio; ``machine``; ``settings``.

    Raises:
        UserError: Unknown level or peer, or one that the peer cannot run; a wrong setting.
        RunError: A contender failed.
    """
    from rlsuite import registry

    registry.levels.get(level)
    env = level_settings(level, overrides)
    if pairs < 1 or seconds <= 0:
        raise UserError(f"pairs must be at least 1 and seconds above 0, got {pairs} and {seconds}.")
    names = [peer] if isinstance(peer, str) else list(peer or ())
    spec = {
        "level": level,
        "env": env,
        "n_envs": n_envs,
        "n_threads": n_threads or available_cores(),
        "policy": policy,
        "seed": seed,
    }
    with ExitStack() as stack:
        own = stack.enter_context(start_own(OWN_DRIVER, spec))
        others = {name: stack.enter_context(_start_peer(name, spec)) for name in names}
        samples = _interleave({"": own, **others}, pairs, seconds)
        versions = {name: child.ready.get("versions", {}) for name, child in {"rlsuite": own, **others}.items()}
    return _report(samples, spec | {"pairs": pairs, "seconds": seconds}, versions)


def level_settings(level: str, overrides: Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """The level's ``env`` section with these settings, checked as an experiment's is.

    Raises:
        UserError: A setting is wrong, or is not one of the environment.
    """
    from rlsuite.config.schema import load_experiment

    overrides = dict(overrides) if isinstance(overrides, Mapping) else list(overrides)
    foreign = [key for key in overrides if not key.startswith("env.")]
    if foreign:
        raise UserError(f"only settings of env can be measured (env.frame_size=84), found {', '.join(foreign)}.")
    mapping = {"budget": {"env_steps": 1}, "env": {"id": level}, "agent": {"kind": "rl"}}
    return load_experiment(mapping, overrides).tree["env"]


def _start_peer(name: str, spec: dict[str, Any]) -> Child:
    base, _, mode = name.partition(":")
    return start(base, "throughput", spec | ({"mode": mode} if mode else {}))


def _interleave(children: dict[str, Child], pairs: int, seconds: float) -> dict[str, list[Sample]]:
    """Measure everyone in turn, ``pairs`` times; every other round in reverse order."""
    samples: dict[str, list[Sample]] = {name: [] for name in children}
    for turn in range(pairs):
        order = list(children.items())
        for name, child in order if turn % 2 == 0 else reversed(order):
            samples[name].append(child.measure(seconds))
    return samples


def _report(samples: dict[str, list[Sample]], settings: dict[str, Any], versions: dict[str, Any]) -> dict[str, Any]:
    own, others = samples[""], {name: taken for name, taken in samples.items() if name}
    per_core = {name: [a.per_core_s / b.per_core_s for a, b in zip(own, taken)] for name, taken in others.items()}
    wall = {name: [a.per_s / b.per_s for a, b in zip(own, taken)] for name, taken in others.items()}
    return {
        **summarise(own),
        "peers": {name: summarise(taken) for name, taken in others.items()},
        "ratios": {name: median(ratios) for name, ratios in per_core.items()},
        "ratios_wall": {name: median(ratios) for name, ratios in wall.items()},
        "pairs": {name: {"per_core": per_core[name], "wall": wall[name]} for name in others},
        "machine": machine(),
        "settings": settings,
        "versions": versions,
    }


def summarise(samples: Sequence[Sample]) -> dict[str, float]:
    """Medians of one contender's speeds."""
    return {
        "env_steps_per_s": median(s.env_steps / s.wall_s for s in samples),
        "frames_per_s": median(s.frames / s.wall_s for s in samples),
        "env_steps_per_core_s": median(s.env_steps / s.cpu_s for s in samples),
        "frames_per_core_s": median(s.frames / s.cpu_s for s in samples),
    }


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cpu": _cpu_name(),
        "cores": available_cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
