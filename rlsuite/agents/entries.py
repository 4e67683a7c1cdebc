"""Registers the agents: plain reinforcement learning, GAIL, behavioural cloning, and curiosity's shorthands.

A kind whose tags name ``rewards`` is shorthand: the experiment becomes ``rl`` with those learned
rewards and the tag's ``extrinsic_coef`` filled in.
"""

from __future__ import annotations

from rlsuite.agents.curiosity.entries import register_agents as register_curiosity
from rlsuite.registry import Registry


def register(agents: Registry) -> None:
    """Add ``rl``, ``gail`` and ``bc``."""
    agents.add(
        "rl",
        "A learner (PPO, SAC) and the learned rewards the experiment lists, as written.",
        load="rlsuite.agents.learners:make",
    )
    agents.add(
        "gail",
        "Imitates demonstrations without seeing the environment's reward (Ho & Ermon 2016).",
        load="rlsuite.agents.learners:make",
        tags={"rewards": ["gail"], "extrinsic_coef": 0.0, "demos": True},
    )
    agents.add(
        "bc",
        "Behavioural cloning: supervised learning of the expert's actions, no environment steps.",
        load="rlsuite.agents.bc.agent:make",
        config="rlsuite.agents.bc.config:BcConfig",
        tags={"demos": True, "env_steps": False},
    )
    register_curiosity(agents)
