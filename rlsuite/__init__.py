"""rlsuite: reinforcement-learning experiments from one YAML.

import rlsuite

result = rlsuite.train("experiments/gail_hopper.yaml", ["seed=3"])
rlsuite.evaluate(result, n_episodes=50)["return_mean"]
action, _ = rlsuite.load_policy(result).predict(obs, deterministic=True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlsuite.experiment import RunResult, evaluate, load_policy, resume, train

__version__ = "0.1.0"
__all__ = ["RunResult", "__version__", "evaluate", "load_policy", "resume", "train"]


def __getattr__(name: str) -> Any:
    """Import the public functions when they are first used: ``import rlsuite`` alone loads nothing heavy."""
    if name in __all__:
        from rlsuite import experiment

        return getattr(experiment, name)
    raise AttributeError(f"module 'rlsuite' has no attribute '{name}'")
