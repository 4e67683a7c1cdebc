"""The ``env`` section of ``gym/<id>`` levels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rlsuite.envs.config import EnvConfig


class GymConfig(EnvConfig):
    """A foreign Gymnasium environment."""

    backend: Literal["processes", "serial"] = "processes"
    """How the environments are stepped: each in a process of its own with shared memory, or one after
    the other in this process (faster where a step takes less than about 50 microseconds)."""
    kwargs: dict[str, bool | int | float | str | None] = Field(default_factory=dict)
    """Arguments of ``gymnasium.make``, e.g. ``{is_slippery: false}``."""
    info_keys: tuple[str, ...] = ()
    """Numbers in the environment's info to keep beside those its first steps show, e.g. one that comes
    only at the end of an episode (``is_success``). Missing values are NaN."""
    dtype: Literal["float32", "float64"] = "float32"
    """Type of vector observations."""
