"""Gymnasium ids of rlsuite's own environments. Importing this module registers them.

Gymnasium 1.x loads no plug-ins by itself, so a program imports this module or names it in the id:

import gymnasium as gym
import rlsuite.envs.gymnasium_ids

envs = gym.make_vec("rlsuite/Mario-v0", num_envs=64)
envs = gym.make_vec("rlsuite.envs.gymnasium_ids:rlsuite/Mario-v0", num_envs=64)  # without the import

Nothing but Gymnasium is imported here.
"""

from __future__ import annotations

import gymnasium as gym


def register() -> None:
    """Register ``rlsuite/Mario-v0``, for ``gymnasium.make_vec`` and ``gymnasium.make``; once is enough."""
    if "rlsuite/Mario-v0" in gym.registry:
        return
    gym.register(
        id="rlsuite/Mario-v0",
        entry_point="rlsuite.envs.mario.gymnasium_env:MarioEnv",
        vector_entry_point="rlsuite.envs.mario.gymnasium_env:MarioGymVectorEnv",
        disable_env_checker=True,  # its probe would load the ROM and step the game once more
    )


register()
