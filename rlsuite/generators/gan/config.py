"""The sections of the latent GANs. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from rlsuite.generators.config import GanConfig


class DcganConfig(GanConfig):
    """DCGAN (Radford, Metz & Chintala 2016, arXiv:1511.06434)."""

    kind: Literal["dcgan"] = "dcgan"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""
    width: int = Field(default=32, ge=4)
    """Channels of the layer next to the image, doubled with each halving of the side; 128 as published."""
    discriminator_width: int | None = Field(default=None, ge=4)
    """The same of the discriminator; none: ``width``."""
    kernel: Literal[4, 5] = 4
    """Side of the convolutions' kernels: 5 as published, 4 costs less and leaves no checkerboard."""
    loss: Literal["vanilla", "hinge", "lsgan"] = "vanilla"
    """``vanilla``: cross-entropy, non-saturating; ``hinge``; ``lsgan``: squared error."""
    weight_decay: float = Field(default=0.0, ge=0)
    """L2 penalty in both optimisers; 1e-5 as published."""
    generator_steps: int = Field(default=1, ge=1, le=8)
    """Generator updates for each of the discriminator's; 2 in a well-known implementation, against a
    discriminator that wins."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"size": 16, "width": 8, "batch_size": 16, "latent": 16, "ema_decay": 0.9, "n_scored": 64},
        "small": {"size": 64, "width": 32, "batch_size": 64},
        "paper": {
            "size": 64,
            "width": 128,
            "batch_size": 128,
            "kernel": 5,
            "weight_decay": 1e-5,
            "ema_decay": 0.0,
            "n_scored": 10_000,
        },
    }

    @model_validator(mode="after")
    def _size_is_a_power_of_two(self) -> DcganConfig:
        check_power_of_two(self.size)
        return self


class BeganConfig(GanConfig):
    """BEGAN (Berthelot, Schumm & Metz 2017, arXiv:1703.10717), and the recipe that drew Pusheen with it."""

    kind: Literal["began"] = "began"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""
    width: int = Field(default=32, ge=4)
    """Channels n of every layer of decoder and generator; 128 as published."""
    hidden: int = Field(default=64, ge=2)
    """Length of the autoencoder's code; 128 in the common implementation."""
    layers: int = Field(default=2, ge=1, le=4)
    """3x3 convolutions at each resolution, 2 as published, up to 4 for drawings."""
    gamma: float = Field(default=0.5, gt=0, le=1)
    """L(G(z)) / L(x) that is held: lower is sharper and less varied. 0.3 to 0.8."""
    k_rate: float = Field(default=1e-3, gt=0)
    """How fast the balance k is corrected each step."""
    skip: bool = True
    """Lay the first feature map, enlarged, beside the input of each later stage (section 3.5.1)."""
    residual_steps: int = Field(default=16_000, ge=0)
    """Steps over which the residual carry of each convolution fades from 1 to 0; 0: no carry."""
    halve_every: int = Field(default=100_000, ge=1)
    """Steps after which the step size is halved."""
    learning_rate_floor: float = Field(default=2e-5, gt=0)
    """It is halved no further than this."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "size": 16,
            "width": 8,
            "hidden": 16,
            "batch_size": 8,
            "latent": 16,
            "learning_rate": 1e-3,
            "ema_decay": 0.9,
            "n_scored": 64,
        },
        "small": {"size": 32, "width": 32, "hidden": 64, "batch_size": 16, "latent": 64, "learning_rate": 2e-4},
        "paper": {
            "size": 64,
            "width": 128,
            "hidden": 128,
            "batch_size": 16,
            "latent": 64,
            "learning_rate": 8e-5,
            "ema_decay": 0.0,
            "n_scored": 10_000,
        },
    }

    @model_validator(mode="after")
    def _size_is_a_power_of_two(self) -> BeganConfig:
        check_power_of_two(self.size)
        return self


class GanClsConfig(GanConfig):
    """Text to image: GAN-CLS and GAN-INT (Reed et al. 2016, arXiv:1605.05396)."""

    kind: Literal["gan_cls"] = "gan_cls"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""
    width: int = Field(default=32, ge=4)
    """Channels of the layer next to the image; 128 as published."""
    kernel: Literal[4, 5] = 4
    """Side of the convolutions' kernels."""
    encoder: Literal["words", "minilm"] = "words"
    """How sentences become vectors: hashed ``words``, enough for captions of a small vocabulary, or ``minilm``."""
    text_width: int = Field(default=128, ge=4)
    """Length of the sentence's code inside both networks."""
    match: bool = True
    """GAN-CLS: the judge also sees real images with wrong sentences, and must refuse them."""
    interpolate: bool = True
    """GAN-INT: the generator also draws for vectors half way between two sentences."""
    prior: Literal["uniform", "normal"] = "normal"
    """Distribution of the noise beside the sentence."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"size": 16, "width": 8, "batch_size": 16, "latent": 8, "text_width": 16, "ema_decay": 0.9},
        "small": {"size": 32, "width": 32, "batch_size": 64},
        "paper": {"size": 64, "width": 128, "batch_size": 64, "encoder": "minilm", "ema_decay": 0.0},
    }

    @model_validator(mode="after")
    def _size_is_a_power_of_two(self) -> GanClsConfig:
        check_power_of_two(self.size)
        return self


def check_power_of_two(size: int) -> None:
    """Refuse sides that halving does not bring to 4.

    Raises:
        ValueError: Such a side.
    """
    if size < 8 or size & (size - 1):
        raise ValueError(f"size {size} is no power of two from 8 on: these networks halve the side down to 4; try 32")
