"""Probe environments and conformance checks, public: a plug-in runs them in its own tests.

from rlsuite.testing import check_vector_env, make_probe

def test_my_level_keeps_the_contract():
    check_vector_env(make("my/level", 4, seed=0, options=EnvConfig(id="my/level")))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlsuite.testing.env_checks import check_vector_env, sample_actions
    from rlsuite.testing.generator_checks import check_generator
    from rlsuite.testing.learner_checks import ConstantReward, check_learner, solve_probe, value_error
    from rlsuite.testing.probe_base import ProbeEnv
    from rlsuite.testing.probes import PROBES, make_probe
    from rlsuite.testing.report import ConformanceError, same_bits
    from rlsuite.testing.reward_checks import check_learned_reward, random_batch

_HOMES = {
    "ConformanceError": "report",
    "ConstantReward": "learner_checks",
    "PROBES": "probes",
    "ProbeEnv": "probe_base",
    "check_generator": "generator_checks",
    "check_learned_reward": "reward_checks",
    "check_learner": "learner_checks",
    "check_vector_env": "env_checks",
    "make_probe": "probes",
    "random_batch": "reward_checks",
    "same_bits": "report",
    "sample_actions": "env_checks",
    "solve_probe": "learner_checks",
    "value_error": "learner_checks",
}

__all__ = [
    "PROBES",
    "ConformanceError",
    "ConstantReward",
    "ProbeEnv",
    "check_generator",
    "check_learned_reward",
    "check_learner",
    "check_vector_env",
    "make_probe",
    "random_batch",
    "same_bits",
    "sample_actions",
    "solve_probe",
    "value_error",
]


def __getattr__(name: str) -> Any:
    """Import on first use: the probes are listed as levels without paying for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rlsuite.testing' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(f"rlsuite.testing.{_HOMES[name]}"), name)
