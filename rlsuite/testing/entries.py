"""Probes as levels, so that an experiment file can name them: ``env: {id: probe/obs-action}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlsuite.registry import Registry
    from rlsuite.testing.probe_base import ProbeEnv

_LINES = {
    "value-only": "Probe: one step, reward 1 (tests the value head)",
    "obs-dependent": "Probe: one step, the reward is what is seen",
    "delayed": "Probe: two steps, reward at the second (tests discounting)",
    "truncation": "Probe: cut by a clock, must be bootstrapped",
    "termination": "Probe: a true end, must not be bootstrapped",
    "action": "Probe: one of two actions pays",
    "obs-action": "Probe: answer the cue, discrete actions",
    "obs-action-box": "Probe: answer the cue, continuous actions",
    "image": "Probe: answer the cue seen in pixels",
    "memory": "Probe: answer a cue that is gone",
    "corridor": "Probe: the only reward stands at the far end (tests exploration)",
}
_RANDOM = {"value-only": 1.0, "obs-dependent": 0.0, "delayed": 1.0, "truncation": 3.0, "termination": 4.0}
_RETURNS = {"obs-dependent": 0.0, "truncation": 3.0, "termination": 4.0}


def register(levels: Registry) -> None:
    """Add every probe as ``probe/<name>``."""
    for name, line in _LINES.items():
        tags = {"score": "success"} if name == "corridor" else {"score": "return", **_scale(name)}
        levels.add(f"probe/{name}", line, load="rlsuite.testing.entries:make", tags=tags)


def _scale(name: str) -> dict[str, float]:
    """Returns of the random and of the best policy where an action matters."""
    if name in _RANDOM:
        return {}
    random = 0.0 if name != "obs-action-box" else 1.0 - 1.0 / 3.0 - 0.25
    return {"ref_min_score": random, "ref_max_score": _RETURNS.get(name, 1.0)}


def make(
    id: str, n_envs: int, *, seed: int, options: Any, device: str = "cpu", n_threads: int | None = None
) -> ProbeEnv:
    """The level factory of every probe."""
    from rlsuite.testing.probes import make_probe

    return make_probe(id.removeprefix("probe/"), n_envs, seed=seed, device=device)
