"""Runs of several processes (``accelerate launch``, ``torchrun``): the first owns the run, the others follow it."""

from __future__ import annotations

from pathlib import Path

from rlsuite.config.schema import Experiment
from rlsuite.errors import UserError
from rlsuite.experiment.lifecycle import RunResult
from rlsuite.runs.launching import launched
from rlsuite.runs.stopping import StopRequest


def check_launch(experiment: Experiment) -> None:
    """Refuse several processes for what trains in one.

    Raises:
        UserError: They were launched to train an agent.
    """
    if launched() > 1 and experiment.generator is None:
        raise UserError(
            f"{launched()} processes were launched (accelerate, torchrun), but an agent trains in one: "
            "python -m rlsuite.run FILE. Several are for generators."
        )


def follow(experiment: Experiment, path: Path, *, resumed: bool = False) -> RunResult:
    """Take every step that the first process takes; it stops at signals, this one goes on until it says so.

    Args:
        experiment: What is trained.
        path: Where the run is, or will be.
        resumed: Whether the first process brings a checkpoint back before it begins.
    """
    from rlsuite.experiment.generating import assemble_generator
    from rlsuite.generators.workers import SharedTraining

    with StopRequest().listen():
        state = assemble_generator(experiment).state
        assert isinstance(state, SharedTraining)
        if resumed:
            state.load_state_dict({})
        state.follow()
    return RunResult(path, "done", {})
