"""The eight tasks, by Gymnasium id. Nothing here imports mujoco."""

from __future__ import annotations

from rlsuite.envs.mujoco.tasks.base import Task
from rlsuite.envs.mujoco.tasks.planar import HalfCheetah, Hopper, Swimmer, Walker2d
from rlsuite.envs.mujoco.tasks.small import InvertedPendulum, Reacher
from rlsuite.envs.mujoco.tasks.spatial import Ant, Humanoid

TASKS: dict[str, type[Task]] = {
    "Ant-v5": Ant,
    "HalfCheetah-v5": HalfCheetah,
    "Hopper-v5": Hopper,
    "Humanoid-v5": Humanoid,
    "InvertedPendulum-v5": InvertedPendulum,
    "Reacher-v5": Reacher,
    "Swimmer-v5": Swimmer,
    "Walker2d-v5": Walker2d,
}
"""Gymnasium id to task."""

__all__ = ["TASKS", "Task"]
