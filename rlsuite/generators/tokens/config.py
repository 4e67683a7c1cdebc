"""The sections of the token models. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rlsuite.config.base import FileRef
from rlsuite.generators.config import GeneratorConfig


class TokenConfig(GeneratorConfig):
    """What every token language model shares: the transformer, its optimiser, how it is sampled."""

    layers: int = Field(default=4, ge=1)
    """Transformer blocks."""
    width: int = Field(default=128, ge=8)
    """Length of each token's vector; a multiple of ``heads``."""
    heads: int = Field(default=4, ge=1)
    """Attention heads."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """AdamW's step size after warm-up: 1e-3 for widths of about 128, 3e-4 for 512, 1e-4 and below for billions."""
    warmup_steps: int = Field(default=100, ge=0)
    """Steps over which the step size rises from 0."""
    decay_steps: int | None = Field(default=None, ge=1)
    """The transformer's step at which a cosine has brought the step size to a tenth; none: it stays."""
    weight_decay: float = Field(default=0.01, ge=0)
    """AdamW's decay of matrices (not of gains and biases)."""
    beta2: float = Field(default=0.95, gt=0, lt=1)
    """Adam's second momentum."""
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of a gradient step."""
    top_k: int = Field(default=0, ge=0)
    """Sample among the k likeliest tokens; 0: all."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Sample among the likeliest tokens that hold this share of the probability."""
    compile: bool = False
    """Translate the blocks with ``torch.compile`` for training on CUDA: a minute at the start, faster steps after; on a
    CPU nothing changes."""
    diff_augment: tuple[()] = ()  # pyright: ignore[reportIncompatibleVariableOverride]
    """Not for token models: there is no discriminator."""

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        return self


class SpriteGptConfig(TokenConfig):
    """Sprites written as text, row by row in both directions, learned by a GPT-2 (the pokemon-gpt-2 system)."""

    kind: Literal["sprite_gpt"] = "sprite_gpt"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""
    channels: Literal[4] = 4  # pyright: ignore[reportIncompatibleVariableOverride]
    """Sprites have alpha."""
    size: int = Field(default=32, ge=8, le=99)
    """Side of a sprite, pixels (row numbers have two digits); 64 as published."""
    context: int = Field(default=512, ge=20)
    """Tokens the model sees at once; 1,023 as published. A sprite larger than that is grown window by window."""
    row_numbers: bool = True
    """Write the row's number before each row. Off: one of the published ablation's earlier versions."""
    directions: bool = True
    """Write each sprite bottom to top as well, with a letter that says so: sprites can grow both ways."""
    types: tuple[str, ...] = ()
    """Kinds to condition on, as the set's label ``kind`` names them; all others are "any"."""
    checkpoint: FileRef | None = None
    """Folder of a checkpoint of your own in the layout of ``gpt2``: its blocks and places are taken (``width``,
    ``layers``, ``heads`` must fit, ``context`` may be shorter); the words, one a pixel, are learned anew."""
    temperature: tuple[float, float] = (0.8, 1.2)
    """Range from which each sprite's temperature is drawn, as published; two equal numbers fix it."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "size": 8,
            "context": 64,
            "layers": 2,
            "width": 32,
            "heads": 2,
            "batch_size": 16,
            "ema_decay": 0.9,
            "n_scored": 16,
            "warmup_steps": 10,
        },
        "small": {"size": 32, "context": 560, "batch_size": 8, "n_scored": 64},
        "paper": {
            "size": 64,
            "context": 1023,
            "layers": 12,
            "width": 768,
            "heads": 12,
            "learning_rate": 1e-4,
            "batch_size": 2,
            "ema_decay": 0.0,
            "n_scored": 256,
        },
    }

    @model_validator(mode="after")
    def _two_rows_fit(self) -> Self:
        if self.context < 2 + 2 * (self.size + 1):
            raise ValueError(f"context {self.context} holds no two rows of {self.size} pixels; try {4 * self.size + 6}")
        if self.directions and not self.row_numbers:
            raise ValueError("directions needs row_numbers: the letter stands after the number")
        return self


class ImageGptConfig(TokenConfig):
    """Image GPT (Chen et al. 2020): colours of a learned palette in raster order."""

    kind: Literal["image_gpt"] = "image_gpt"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""
    colours: int = Field(default=64, ge=2, le=4096)
    """Colours of the palette (k-means on the training images); 512 as published, 16 are plenty for grey."""
    objective: Literal["autoregressive", "bert"] = "autoregressive"
    """``autoregressive``: the next pixel; ``bert``: 15 % of the pixels are hidden and restored. Only the first
    samples and completes."""
    hidden_share: float = Field(default=0.15, gt=0, lt=1)
    """Share of pixels that ``bert`` hides."""
    feature_layer: int | None = Field(default=None, ge=0)
    """Block whose normalised input `encode` averages; none: the middle one."""
    checkpoint: FileRef | None = None
    """Folder of a checkpoint of your own in the layout of ``openai/imagegpt-*``: its weights, sizes and palette are
    taken (``size`` and ``channels: 3`` must fit)."""
    beta2: float = Field(default=0.95, gt=0, lt=1)
    """Adam's second momentum; 0.95 as published."""
    weight_decay: float = Field(default=0.0, ge=0)
    """None, as published."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "size": 8,
            "layers": 3,
            "width": 32,
            "heads": 2,
            "colours": 16,
            "batch_size": 16,
            "ema_decay": 0.9,
            "n_scored": 16,
            "warmup_steps": 10,
        },
        "small": {"size": 16, "layers": 6, "width": 128, "heads": 4, "colours": 64, "batch_size": 32, "n_scored": 128},
        "paper": {
            "size": 32,
            "layers": 24,
            "width": 512,
            "heads": 8,
            "colours": 512,
            "batch_size": 128,
            "learning_rate": 3e-3,
            "ema_decay": 0.0,
            "n_scored": 10_000,
        },
    }


class DalleConfig(TokenConfig):
    """Text to image in two stages (Ramesh et al. 2021): a discrete autoencoder, then one stream of text and codes."""

    kind: Literal["dalle"] = "dalle"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""
    codes: int = Field(default=512, ge=8)
    """Size of the codebook; 8,192 as published. With ``fsq``, the product of ``levels``."""
    quantizer: Literal["gumbel", "fsq"] = "gumbel"
    """``gumbel``: the published relaxation; ``fsq``: rounding, whose codes cannot collapse."""
    levels: tuple[int, ...] = (8, 8, 8)
    """``fsq``'s levels of each coordinate."""
    halvings: int = Field(default=2, ge=1, le=4)
    """How often the autoencoder halves the side: 3 as published (256 to 32)."""
    vae_width: int = Field(default=32, ge=4)
    """Channels of the autoencoder's outermost group; 256 as published."""
    residual_gain: float | None = Field(default=None, gt=0)
    """Gain of the autoencoder's residual blocks; none: one over the square of their number, as published. 1 learns
    faster at small sizes."""
    vae_steps: int = Field(default=2000, ge=1)
    """Steps of the first stage; the budget's other steps train the transformer."""
    vae_learning_rate: float = Field(default=1e-3, gt=0)
    """The first stage's step size at its start; a cosine takes it to an eightieth."""
    beta: float = Field(default=6.6, ge=0)
    """Weight of the KL term once it is warm."""
    beta_steps: int = Field(default=500, ge=1)
    """Steps over which it rises from 0; 5,000 as published."""
    temperature_steps: int = Field(default=1500, ge=1)
    """Steps over which the relaxation's temperature falls from 1 to 1/16 along a cosine; 150,000 as published."""
    text_length: int = Field(default=16, ge=1)
    """Text tokens; 256 as published. Shorter texts are filled with a learned token of each place."""
    text_vocabulary: int = Field(default=512, ge=257)
    """Byte-pair tokens, learned from the captions; 16,384 as published."""
    image_weight: float = Field(default=7.0, gt=0)
    """Weight of the codes' loss beside the text's 1."""
    attention: Literal["sparse", "full"] = "full"
    """``sparse``: the published row, column and window patterns; ``full``: every code sees all before it, which
    costs little below 16 x 16 codes."""
    text_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of training pictures whose text is hidden; what ``guidance`` needs."""
    guidance: float = Field(default=1.0, ge=0)
    """How far sampling leans towards the text beyond what was learned; 1: as learned, 3: strongly."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "size": 16,
            "layers": 2,
            "width": 32,
            "heads": 2,
            "codes": 27,
            "levels": (3, 3, 3),
            "vae_width": 8,
            "vae_steps": 2,
            "text_length": 6,
            "text_vocabulary": 300,
            "batch_size": 8,
            "ema_decay": 0.9,
            "n_scored": 16,
            "warmup_steps": 2,
        },
        "small": {
            "size": 32,
            "layers": 6,
            "width": 192,
            "heads": 6,
            "batch_size": 32,
            "n_scored": 128,
            "residual_gain": 1.0,
        },
        "paper": {
            "size": 256,
            "layers": 64,
            "width": 3968,
            "heads": 62,
            "codes": 8192,
            "levels": (8, 8, 8, 16),
            "halvings": 3,
            "vae_width": 256,
            "vae_steps": 3_000_000,
            "vae_learning_rate": 1e-4,
            "beta_steps": 5000,
            "temperature_steps": 150_000,
            "text_length": 256,
            "text_vocabulary": 16_384,
            "learning_rate": 4.5e-4,
            "warmup_steps": 5000,
            "weight_decay": 4.5e-2,
            "beta2": 0.96,
            "clip": 4.0,
            "attention": "sparse",
            "text_dropout": 0.0,
            "batch_size": 512,
            "ema_decay": 0.999,
            "n_scored": 10_000,
        },
    }

    @model_validator(mode="after")
    def _codes_fit(self) -> Self:
        if self.size % 2**self.halvings:
            raise ValueError(f"size {self.size} cannot be halved {self.halvings} times")
        product = 1
        for level in self.levels:
            product *= level
        if self.quantizer == "fsq" and product != self.codes:
            raise ValueError(
                f"levels {list(self.levels)} make {product} codes, not {self.codes}: set codes to {product}"
            )
        return self
