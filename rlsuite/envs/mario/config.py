"""The ``env`` section of Mario levels. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rlsuite.envs.config import EnvConfig

SCREEN_H, SCREEN_W = 240, 256


class MarioConfig(EnvConfig):
    """A Mario level: Pathak's preprocessing by default (42x42 gray, four pictures, every sixth frame)."""

    n_envs: int = Field(default=32, ge=1, le=65536)
    """Machines played side by side: 32 to 128 on a CPU, thousands on a GPU."""
    backend: Literal["warp", "nes_py"] = "warp"
    """``warp``: rlsuite's own emulator, on the CPU or a GPU. ``nes_py``: the reference, some thirty times
    slower, on the CPU (Python 3.13 with gym-super-mario-bros)."""
    rom: str | None = None
    """Path of the ROM file; none: the one that gym-super-mario-bros has installed. It is read, never copied."""
    frame_size: int = Field(default=42, ge=35, le=188)
    """Side of the square gray picture in pixels, usually 42 (Pathak) or 84 (Burda)."""
    crop: tuple[int, int, int, int] = (32, 20, 8, 8)
    """Pixels of the 240x256 screen to cut off at the top, bottom, left and right before averaging to
    ``frame_size``. The default is Pathak's cut, which removes score and clock: he cut 24, 12, 8, 8 from
    224 lines, of which an emulator had already cut 8 at either end."""
    frame_stack: int = Field(default=4, ge=1, le=16)
    """Pictures in an observation, oldest first; before an episode's first picture they are black."""
    frame_skip: int = Field(default=6, ge=1, le=60)
    """Frames (1/60 s) that one decision lasts: 6 (Pathak), 4 (Burda). Larger is faster and coarser."""
    brighter_of_two: bool = False
    """Take the brighter of the last two frames, as is usual for Atari. Costs a second drawing."""
    sticky: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Chance that a frame still holds the buttons of the frame before (0.25: Machado et al. 2018). The
    NES itself has no chance in it; with neither this nor ``noop_max`` all episodes of a policy are one."""
    noop_max: int = Field(default=30, ge=0, le=600)
    """An episode begins with up to so many frames without buttons, evenly drawn."""
    fast_forward: bool = True
    """Play on through what the player cannot act in (pipes, deaths with lives left, the way to the next
    stage) instead of asking for decisions."""

    smoke: ClassVar[Mapping[str, Any]] = {"n_envs": 2}

    @model_validator(mode="after")
    def _crop_leaves_enough(self) -> Self:
        top, bottom, left, right = self.crop
        height, width = SCREEN_H - top - bottom, SCREEN_W - left - right
        if min(self.crop) < 0 or height < self.frame_size or width < self.frame_size:
            raise ValueError(
                f"crop {list(self.crop)} leaves {height}x{width} pixels of {SCREEN_H}x{SCREEN_W}; at least "
                f"frame_size {self.frame_size} in both directions is needed"
            )
        if width > 7 * self.frame_size:
            raise ValueError(f"frame_size {self.frame_size} is less than a seventh of the {width} pixels left by crop")
        return self
