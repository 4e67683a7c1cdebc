"""The learners rlsuite brings, by name. Standard library only."""

from __future__ import annotations

from rlsuite.registry import Registry


def register(learners: Registry) -> None:
    """Add the built-in learners."""
    learners.add(
        "ppo",
        "Proximal policy optimisation: on-policy, any action space, learned rewards with their own value heads.",
        load="rlsuite.agents.learners.recurrent_ppo:make",
        config="rlsuite.agents.learners.config:PPOConfig",
    )
    learners.add(
        "sac",
        "Soft actor-critic: off-policy, continuous actions, learned rewards computed when a batch is sampled.",
        load="rlsuite.agents.learners.sac:make",
        config="rlsuite.agents.learners.config:SACConfig",
    )
