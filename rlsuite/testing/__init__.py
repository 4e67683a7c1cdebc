"""Probe environments and conformance checks, public: a plug-in runs them in its own tests.

from rlsuite.testing import check_vector_env, make_probe

def test_my_level_keeps_the_contract():
    check_vector_env(make("my/level", 4, seed=0, options=EnvConfig(id="my/level")))
"""

from rlsuite.testing.env_checks import check_vector_env, sample_actions
from rlsuite.testing.learner_checks import ConstantReward, check_learner, solve_probe, value_error
from rlsuite.testing.probe_base import ProbeEnv
from rlsuite.testing.probes import PROBES, make_probe
from rlsuite.testing.report import ConformanceError, same_bits
from rlsuite.testing.reward_checks import check_learned_reward, random_batch

__all__ = [
    "PROBES",
    "ConformanceError",
    "ConstantReward",
    "ProbeEnv",
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
