"""The sections of the models that draw films. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from rlsuite.generators.config import GanConfig


class FilmConfig(GanConfig):
    """What the two-stream models share (Vondrick, Pirsiavash & Torralba 2016, arXiv:1609.02612)."""

    width: int = Field(default=16, ge=2)
    """Channels of the layer next to the film, doubled with each halving of the side; 64 as published."""
    n_frames: int = Field(default=16, ge=2)
    """Frames of a film, a power of two; 32 as published."""
    streams: Literal["two", "one"] = "two"
    """``two``: a foreground that moves, laid by a mask over a background that stands still; ``one``: the foreground
    alone draws everything, the published ablation."""
    mask_coef: float = Field(default=0.1, ge=0)
    """Weight of the mask's mean: how dear foreground is. Too low: the background is never used; too high: nothing
    moves. 0.05 to 0.5."""
    prior: Literal["uniform", "normal"] = "normal"
    """Distribution of the latent vector."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "size": 16,
            "n_frames": 8,
            "width": 4,
            "batch_size": 4,
            "latent": 16,
            "ema_decay": 0.9,
            "n_scored": 8,
        },
        "small": {"size": 32, "n_frames": 16, "width": 16, "batch_size": 16, "ema_decay": 0.99, "n_scored": 128},
        "paper": {
            "size": 64,
            "n_frames": 32,
            "width": 64,
            "batch_size": 64,
            "ema_decay": 0.0,
            "n_scored": 1_000,
        },
    }

    @model_validator(mode="after")
    def _sides_are_powers_of_two(self) -> FilmConfig:
        if self.size & (self.size - 1):
            raise ValueError(f"size {self.size} is no power of two: these networks halve the side down to 4; try 32")
        if self.n_frames & (self.n_frames - 1):
            raise ValueError(f"n_frames {self.n_frames} is no power of two: these networks halve the time; try 16")
        return self


class VideoGanConfig(FilmConfig):
    """videogan: films of a latent vector (Vondrick et al. 2016)."""

    kind: Literal["videogan"] = "videogan"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""


class VideoFutureConfig(FilmConfig):
    """videogan that goes on from a picture: the first frame is given (Vondrick et al. 2016, section 5.2)."""

    kind: Literal["videogan_future"] = "videogan_future"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""
    first_frame_coef: float = Field(default=10.0, ge=0)
    """Weight of the L1 distance between the first frame that is drawn and the one that was given."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **FilmConfig.presets,
        "paper": {**FilmConfig.presets["paper"], "batch_size": 32},
    }
