"""`rlsuite run FILE --dry-run`: what would be trained, on what, how large and how long."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

TRIAL_SECONDS = 3.0


def plan(file: Path, overrides: list[str], smoke: bool) -> dict[str, Any]:
    """Build the experiment, train a throw-away copy for a few seconds, and say what the whole would take.

    Nothing is written. The time is this machine's, as busy as it is now.

    Raises:
        UserError: The experiment asks for what is not there.
    """
    from rlsuite.config.schema import load_experiment
    from rlsuite.experiment import assemble

    resolved = load_experiment(file, overrides, smoke=smoke)
    experiment = resolved.experiment
    if experiment.generator is not None:
        from rlsuite.experiment.generator_plan import plan_generator

        return plan_generator(experiment)
    assembly = assemble(_trial_copy(experiment))
    try:
        planned = {
            "experiment": experiment.name,
            "agent": _agent(experiment),
            "level": assembly.level.id,
            "n_envs": assembly.env.num_envs,
            "observation": str(assembly.env.observation_space),
            "action": str(assembly.env.action_space),
            "device": str(assembly.device),
            "threads": assembly.threads.to_dict(),
            "budget": experiment.budget.model_dump(exclude_none=True),
            "parameters": _parameters(assembly),
            "demonstrations": len(assembly.demos) if assembly.demos is not None else None,
        }
        return planned | _measure(assembly, experiment)
    finally:
        assembly.close()


def print_plan(planned: dict[str, Any]) -> None:
    """The plan for a person."""
    from rlsuite.cli.output import print_table

    rows = [{"what": key.replace("_", " "), "value": _text(key, value)} for key, value in planned.items()]
    print_table([row for row in rows if row["value"]], ("what", "value"))


def _text(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{k} {_text(k, v)}" for k, v in value.items() if v is not None)
    if key == "estimated_s":
        return f"about {value:,.0f} s" if value < 120 else f"about {value / 60:,.0f} min"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if isinstance(value, float) else str(value)


def _agent(experiment: Any) -> str:
    agent = experiment.agent
    learner = getattr(agent, "learner", None)
    rewards = [reward.kind for reward in getattr(agent, "rewards", ())]
    parts = [agent.kind, *([learner.kind] if learner else []), *[f"+ {kind}" for kind in rewards]]
    return " ".join(parts)


def _trial_copy(experiment: Any) -> Any:
    """The experiment without a warm-up of random actions, which would flatter the estimate."""
    learner = getattr(experiment.agent, "learner", None)
    if learner is None or not hasattr(learner, "learning_starts"):
        return experiment
    learner = learner.model_copy(update={"learning_starts": min(learner.learning_starts, learner.batch_size)})
    return experiment.model_copy(update={"agent": experiment.agent.model_copy(update={"learner": learner})})


def _parameters(assembly: Any) -> dict[str, int]:
    """How many numbers are trained, by part."""
    parts = {"policy": getattr(assembly.learner, "policy", None)}
    parts |= {reward.name: reward for reward in assembly.rewards}
    return {name: sum(_sizes(part)) for name, part in parts.items() if part is not None}


def _sizes(part: Any) -> list[int]:
    import torch

    modules = [part] if isinstance(part, torch.nn.Module) else [*vars(part).values()]
    unique = {id(p): p for m in modules if isinstance(m, torch.nn.Module) for p in m.parameters() if p.requires_grad}
    return [p.numel() for p in unique.values()]


def _measure(assembly: Any, experiment: Any) -> dict[str, Any]:
    """Train for a moment: speed, memory, and what the budget would take."""
    import psutil
    import torch

    began, stop = time.monotonic(), _Stop(assembly.learner)
    assembly.learner.learn(_Stop.STEPS, callback=stop, reset_num_timesteps=False)
    seconds, steps = time.monotonic() - began, int(assembly.learner.num_timesteps)
    found: dict[str, Any] = {"memory_mb": psutil.Process().memory_info().rss / 2**20}
    if assembly.device.type == "cuda":
        found["gpu_memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
    if steps:
        rate = stop.rate or steps / seconds
        found["env_steps_per_s"] = rate
        budget = experiment.budget
        limits = [budget.env_steps / rate if budget.env_steps else None, budget.seconds]
        found["estimated_s"] = min((s for s in limits if s is not None), default=None)
    return found


class _Stop:
    """A callback that ends a training after `TRIAL_SECONDS`, and measures it without its first iteration."""

    STEPS = 2**31

    def __init__(self, learner: Any) -> None:
        self.learner = learner
        self.began = time.monotonic()
        self.marks: list[tuple[float, int]] = []

    def __call__(self, _locals: Any, _globals: Any) -> bool:
        self.marks.append((time.monotonic(), int(self.learner.num_timesteps)))
        if self.marks[-1][0] - self.began > TRIAL_SECONDS:
            self.learner.stop_requested = True
        return True

    @property
    def rate(self) -> float | None:
        """Env steps a second between the first and the last call."""
        if len(self.marks) < 2 or self.marks[-1][1] == self.marks[0][1]:
            return None
        (t0, n0), (t1, n1) = self.marks[0], self.marks[-1]
        return (n1 - n0) / (t1 - t0)
