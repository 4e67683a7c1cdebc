"""Gymnasium ids of rlsuite's own environments, registered through Gymnasium's plug-in entry point.

Nothing heavy is imported here: Gymnasium calls `register` whenever it is imported.
"""

from __future__ import annotations

import gymnasium as gym


def register() -> None:
    """Register ``rlsuite/Mario-v0``, for ``gymnasium.make_vec`` and ``gymnasium.make``."""
    gym.register(
        id="rlsuite/Mario-v0",
        entry_point="rlsuite.envs.mario.gymnasium_env:MarioEnv",
        vector_entry_point="rlsuite.envs.mario.gymnasium_env:MarioGymVectorEnv",
        disable_env_checker=True,  # its probe would load the ROM and step the game once more
    )
