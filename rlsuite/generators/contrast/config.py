"""The section of the contrastive scorer. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rlsuite.config.base import FileRef
from rlsuite.generators.config import GeneratorConfig


class ContrastConfig(GeneratorConfig):
    """Pictures and sentences in one space, learned from pairs (Radford et al. 2021)."""

    kind: Literal["contrast"] = "contrast"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The generator."""
    towers: Literal["frozen", "small", "clip", "open_clip"] = "frozen"
    """``frozen``: EfficientNet-Lite0 and a sentence encoder as they are, with learned heads: some thousand pairs are
    enough. ``small``: two transformers from scratch: wants many pairs, or simple pictures. ``clip``: a checkpoint of
    your own in the layout of ``openai/clip-*``. ``open_clip``: that package's model, used as it is."""
    checkpoint: FileRef | None = None
    """``clip``: the folder; ``open_clip``: the weights' file."""
    model: str = "ViT-B-32"
    """``open_clip``: the model's name there."""
    width: int = Field(default=128, ge=4)
    """Length of the common vectors; 512 as published."""
    text: Literal["minilm", "words"] = "minilm"
    """``frozen``: which sentence encoder."""
    views: int = Field(default=4, ge=1)
    """``frozen``: how many times each picture's features are taken, changed by ``augment`` each time but the first."""
    feature_dropout: float = Field(default=0.5, ge=0, lt=1)
    """``frozen``: share of the features that a step does not see. Lower it for ten thousands of pairs."""
    patch: int = Field(default=8, ge=2)
    """``small``: side of a picture's patches, pixels."""
    layers: int = Field(default=3, ge=1)
    """``small``: blocks of each tower; 12 as published."""
    tower_width: int = Field(default=128, ge=8)
    """``small``: width of both towers; a multiple of ``heads``."""
    heads: int = Field(default=4, ge=1)
    """``small``: attention heads."""
    text_length: int = Field(default=16, ge=1)
    """``small``: text tokens; 76 as published. What is longer is cut."""
    text_vocabulary: int = Field(default=512, ge=257)
    """``small``: byte-pair tokens, learned from the captions; 49,152 as published."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """AdamW's step size after warm-up; 5e-4 as published."""
    warmup_steps: int = Field(default=50, ge=0)
    """Steps over which it rises from 0."""
    decay_steps: int | None = Field(default=None, ge=1)
    """Step at which a cosine has brought it to a tenth; none: it stays."""
    weight_decay: float = Field(default=0.1, ge=0)
    """AdamW's decay of matrices; 0.2 as published."""
    beta2: float = Field(default=0.98, gt=0, lt=1)
    """Adam's second momentum."""
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of a gradient step."""
    temperature: float = Field(default=0.07, gt=0)
    """By which cosines are divided at the start; it is learned."""
    max_scale: float = Field(default=100.0, gt=0)
    """The largest that 1 / temperature may become."""
    keyword_dropout: bool = True
    """Whether a caption of several phrases (``grinning cat; animal, face``) is also shown shortened."""
    diff_augment: tuple[()] = ()  # pyright: ignore[reportIncompatibleVariableOverride]
    """Not for scorers: there is no discriminator."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "size": 16,
            "towers": "small",
            "width": 16,
            "patch": 4,
            "layers": 1,
            "tower_width": 32,
            "heads": 2,
            "text_length": 8,
            "text_vocabulary": 300,
            "batch_size": 8,
            "ema_decay": 0.9,
            "warmup_steps": 5,
        },
        "small": {"size": 64, "batch_size": 256, "ema_decay": 0.99},
        "paper": {
            "size": 224,
            "towers": "small",
            "width": 512,
            "patch": 32,
            "layers": 12,
            "tower_width": 512,
            "heads": 8,
            "text_length": 76,
            "text_vocabulary": 49_152,
            "learning_rate": 5e-4,
            "warmup_steps": 2000,
            "weight_decay": 0.2,
            "batch_size": 32_768,
            "ema_decay": 0.0,
            "keyword_dropout": False,
        },
    }

    @model_validator(mode="after")
    def _towers_fit(self) -> Self:
        if self.towers == "small" and self.size % self.patch:
            raise ValueError(f"size {self.size} is no multiple of patch {self.patch}")
        if self.towers == "small" and self.tower_width % self.heads:
            raise ValueError(f"tower_width {self.tower_width} is no multiple of heads {self.heads}")
        if self.towers in ("clip", "open_clip") and self.checkpoint is None:
            raise ValueError(f"towers {self.towers} needs a checkpoint: nothing is downloaded")
        return self
