"""Registers the goal-sentence reward."""

from __future__ import annotations

from rlsuite.registry import Registry


def register(rewards: Registry) -> None:
    """Add ``goal_text``."""
    rewards.add(
        "goal_text",
        "How much a state looks like a sentence, told by a contrastive scorer (Rocamonde et al. 2024).",
        load="rlsuite.agents.goal.reward:make",
        config="rlsuite.agents.goal.config:GoalConfig",
    )
