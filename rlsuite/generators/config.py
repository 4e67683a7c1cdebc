"""What every generator's section has. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from rlsuite.config.base import Section


class AugmentConfig(Section):
    """Changes of the training images that must not change what they show; the model learns to draw them too."""

    flip: bool = False
    """Mirror half of them left to right. Not where text or handedness matters."""
    rotate: float = Field(default=0.0, ge=0, le=180)
    """Turn by up to this many degrees either way; corners take the border's colour."""
    zoom: float = Field(default=0.0, ge=0, lt=1)
    """Scale by up to this share either way, 0 to 0.2."""
    shift: float = Field(default=0.0, ge=0, le=0.5)
    """Move by up to this share of the side, 0 to 0.1."""


class GeneratorConfig(Section):
    """A generative image model and how it is trained."""

    kind: str
    """Which: `rlsuite ls generators`."""
    preset: Literal["tiny", "small", "paper"] = "small"
    """Where every setting that is not written comes from: ``tiny`` (seconds, for tests), ``small`` (an hour of
    CPU or minutes of a GPU), ``paper`` (as published; wants a GPU)."""
    size: int = Field(default=32, ge=8, le=1024)
    """Side of the (square) images, pixels."""
    channels: Literal[1, 3, 4] = 3
    """Grey, colour, or colour with alpha."""
    batch_size: int = Field(default=64, ge=2)
    """Images of a gradient step."""
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    """How slowly the averaged weights, which are those that sample, follow; 0 takes the raw ones. Too high for
    a short training: samples lag behind."""
    diff_augment: tuple[Literal["colour", "translation", "cutout"], ...] = ()
    """DiffAugment policies put before the discriminator, real and generated alike (Zhao et al. 2020,
    arXiv:2006.10738). All three for sets of some hundred images; none for ten thousands."""
    augment: AugmentConfig = AugmentConfig()
    """Changes of the training images."""
    mixed_precision: bool = True
    """bfloat16 autocast on CUDA; nothing on the CPU."""
    n_scored: int = Field(default=256, ge=2)
    """Images drawn at the end of a run for its quality figures, compared with at most as many real ones."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    smoke: ClassVar[Mapping[str, Any]] = {"preset": "tiny", "batch_size": 4, "n_scored": 8}

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        preset = data.get("preset", cls.model_fields["preset"].default)
        written = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}  # what JSON would have done
        return {**cls.presets.get(preset, {}), **written} if isinstance(preset, str) else data


class GanConfig(GeneratorConfig):
    """What generators trained against a discriminator share."""

    learning_rate: float = Field(default=2e-4, gt=0)
    """Adam's step size of both networks, 1e-4 to 4e-4. Too high: collapse to few pictures."""
    discriminator_learning_rate: float | None = Field(default=None, gt=0)
    """The discriminator's own step size; none: the same."""
    beta1: float = Field(default=0.5, ge=0, lt=1)
    """Adam's first momentum; 0.5 for GANs (Radford et al. 2016)."""
    latent: int = Field(default=100, ge=1)
    """Length of the latent vector."""
    prior: Literal["uniform", "normal"] = "uniform"
    """Distribution of the latent vector: uniform(-1, 1) or standard normal."""
