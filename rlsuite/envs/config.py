"""The ``env`` section common to all levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from rlsuite.config.base import Section


class EnvConfig(Section):
    """Which level, how many of it, how it is stepped."""

    id: str
    """Level id: ``mujoco/<Task>-v5``, ``doom/...``, ``mario/...``, ``gym/<id>``; `rlsuite ls levels` lists them."""
    n_envs: int = Field(default=16, ge=1, le=65536)
    """Environments stepped side by side, usually 8 to 64 on a CPU. More is faster per step and less
    data per environment between updates."""
    n_threads: int | None = Field(default=None, ge=1)
    """Threads that step them; none: the number of cores."""
    max_episode_steps: int | None = Field(default=None, ge=1)
    """Time limit in agent decisions; none: the level's own."""

    smoke: ClassVar[Mapping[str, Any]] = {"n_envs": 2, "max_episode_steps": 50}
