"""Doom levels in the registry. Imports nothing heavy: listing levels stays fast."""

from __future__ import annotations

from rlsuite.envs.doom.scenarios import SCENARIOS
from rlsuite.registry import Registry


def register(levels: Registry) -> None:
    """Add every Doom level."""
    for scenario in SCENARIOS.values():
        tags = {"score": "success" if scenario.goal_reward is not None else "return", "engine": "doom"}
        levels.add(
            scenario.id,
            scenario.description,
            load="rlsuite.envs.doom.vector:make",
            config="rlsuite.envs.doom.config:DoomConfig",
            extra="doom",
            requires=("vizdoom", "cv2"),
            tags=tags,
        )
