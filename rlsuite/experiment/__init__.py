"""Experiments run: the one place that knows levels, agents and runs together.

`train`, `resume`, `evaluate` and `load_policy` are the doors that the command line and notebooks use.
"""

from __future__ import annotations

from rlsuite.experiment.assembly import Assembly, assemble
from rlsuite.experiment.lifecycle import RunResult
from rlsuite.experiment.opening import evaluate, load_policy, open_run
from rlsuite.experiment.training import resume, train

__all__ = ["Assembly", "RunResult", "assemble", "evaluate", "load_policy", "open_run", "resume", "train"]
