"""What a generator's training would take: built, tried for a few seconds, thrown away."""

from __future__ import annotations

import time
from typing import Any

from rlsuite.config.schema import Experiment
from rlsuite.experiment.generating import assemble_generator

TRIAL_SECONDS, MOST_STEPS = 3.0, 50


def plan_generator(experiment: Experiment) -> dict[str, Any]:
    """Devices, shapes, parameters, speed and the time of the whole; nothing is written.

    Raises:
        UserError: The experiment asks for what is not there.
    """
    assembly = assemble_generator(experiment)
    generator, state = assembly.generator, assembly.state
    state.step()  # the first is slower than all others
    began, first = time.monotonic(), state.n_steps
    while time.monotonic() - began < TRIAL_SECONDS and state.n_steps - first < MOST_STEPS:
        state.step()
    rate = (state.n_steps - first) / (time.monotonic() - began)
    budget = experiment.budget
    limits = [budget.train_steps / rate if budget.train_steps else None, budget.seconds]
    return {
        "experiment": experiment.name,
        "generator": generator.kind,
        "image": f"{generator.spec.channels} x {generator.spec.size[0]} x {generator.spec.size[1]}",
        "n_images": len(assembly.data),
        "n_held_out": len(assembly.held_out),
        "data_licence": assembly.data.licence,
        "device": str(assembly.device),
        "threads": assembly.threads.to_dict(),
        "budget": budget.model_dump(exclude_none=True),
        "parameters": {k: sum(p.numel() for p in v.parameters()) for k, v in generator.networks().items()},
        "train_steps_per_s": rate,
        "images_per_s": rate * state.images_per_step,
        "estimated_s": min((s for s in limits if s is not None), default=None),
    }
