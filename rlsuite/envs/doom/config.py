"""The ``env`` section of a Doom level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from rlsuite.envs.config import EnvConfig


class DoomConfig(EnvConfig):
    """A Doom level: Pathak's preprocessing by default (42x42 gray, four pictures, every fourth tic)."""

    n_envs: int = Field(default=32, ge=1, le=512)
    """Engines, each a process of its own of about 60 MiB; usually 16 to 64."""
    frame_size: int = Field(default=42, ge=16, le=160)
    """Side of the square gray picture in pixels. Cost grows with its square."""
    frame_stack: int = Field(default=4, ge=1, le=16)
    """Pictures in an observation, oldest first; before an episode's first picture they are black."""
    frame_skip: int = Field(default=4, ge=1, le=35)
    """Tics (1/35 s) that one decision lasts. Larger is faster and coarser."""
    noise: float | None = Field(default=None, ge=0.0, lt=1.0)
    """Part of the picture (its lower rows) filled with fresh white noise, the game drawn into the rest;
    none: the level's own, which is 0 but for the ``_noise`` levels."""
    skill: int | None = Field(default=None, ge=1, le=5)
    """Doom's difficulty, 1 easy to 5 nightmare; none: the level's own."""
    color: bool = False
    """Render in colour, for films; the agent's gray picture stays the same, a step costs a little more."""
    engine_timeout_s: float = Field(default=30.0, gt=0)
    """Seconds after which an engine that does not answer is killed and replaced. Too low kills engines
    of a busy machine."""

    smoke: ClassVar[Mapping[str, Any]] = {"n_envs": 2}
