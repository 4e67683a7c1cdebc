"""The sections of the translators. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from rlsuite.generators.config import GanConfig


class TranslatorConfig(GanConfig):
    """What both translators have."""

    batch_size: int = Field(default=4, ge=1)
    """Pictures (of each domain) of a gradient step; 1 as published."""
    width: int = Field(default=32, ge=4)
    """Channels of the first layer of every network; 64 as published."""
    discriminator_layers: int = Field(default=3, ge=1, le=5)
    """Stride-2 layers of the patch discriminator; 3 judges patches of 70x70, 1 of 16x16."""
    loss: Literal["lsgan", "vanilla", "hinge"] = "lsgan"
    """The adversarial loss."""
    gan_coef: float = Field(default=1.0, ge=0)
    """Weight of the adversarial loss; 0 leaves it out."""
    constant_steps: int = Field(default=10_000, ge=0)
    """Steps at the full step size."""
    decay_steps: int = Field(default=10_000, ge=1)
    """Steps over which it then falls to 0."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """As for every generator; the published translators use the raw weights."""

    @model_validator(mode="after")
    def _sides_are_halved_twice(self) -> TranslatorConfig:
        if self.size % 4:
            raise ValueError(f"size {self.size} is no multiple of 4: these networks halve the side twice")
        return self


class CycleGanConfig(TranslatorConfig):
    """CycleGAN (Zhu, Park, Isola & Efros 2017, arXiv:1703.10593)."""

    kind: Literal["cyclegan"] = "cyclegan"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""
    blocks: int = Field(default=6, ge=0, le=16)
    """Residual blocks: 6 up to 128 pixels, 9 from 256 on."""
    upsample: Literal["transposed", "resize"] = "transposed"
    """``transposed`` convolutions as published, or ``resize`` and convolve, which leaves no checkerboard."""
    cycle_coef: float = Field(default=10.0, ge=0)
    """Weight of the way there and back."""
    identity_coef: float = Field(default=0.5, ge=0)
    """Weight of leaving what is already of the domain, as a share of ``cycle_coef``; helps against inverted colours."""
    pool: int = Field(default=50, ge=0)
    """Earlier translations the discriminators also see; 0: only the newest."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "size": 16,
            "width": 8,
            "blocks": 1,
            "batch_size": 4,
            "discriminator_layers": 1,
            "constant_steps": 50,
            "decay_steps": 50,
            "pool": 8,
            "n_scored": 16,
        },
        "small": {"size": 64, "width": 32, "blocks": 6, "batch_size": 4, "discriminator_layers": 2},
        "paper": {
            "size": 256,
            "width": 64,
            "blocks": 9,
            "batch_size": 1,
            "constant_steps": 100_000,
            "decay_steps": 100_000,
        },
    }


class Pix2PixConfig(TranslatorConfig):
    """Pix2pix (Isola, Zhu, Zhou & Efros 2017, arXiv:1611.07004)."""

    kind: Literal["pix2pix"] = "pix2pix"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""
    source: Literal["edges", "partners"] = "edges"
    """What is translated: ``edges``: drawings of the pictures' own edges become the pictures; ``partners``: the
    set's first domain becomes its second, and the pictures must belong together."""
    l1_coef: float = Field(default=100.0, ge=0)
    """Weight of the distance to the true picture."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Dropout in the three innermost decoding layers, while training: the model's noise."""
    loss: Literal["vanilla", "lsgan", "hinge"] = "vanilla"
    """The adversarial loss."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "size": 16,
            "width": 8,
            "batch_size": 4,
            "discriminator_layers": 1,
            "constant_steps": 50,
            "decay_steps": 50,
            "n_scored": 16,
        },
        "small": {"size": 64, "width": 32, "batch_size": 8, "discriminator_layers": 2},
        "paper": {"size": 256, "width": 64, "batch_size": 1, "constant_steps": 100_000, "decay_steps": 100_000},
    }

    @model_validator(mode="after")
    def _size_is_a_power_of_two(self) -> Pix2PixConfig:
        if self.size & (self.size - 1):
            raise ValueError(f"size {self.size} is no power of two: the U-Net halves the side down to 1; try 64")
        return self
