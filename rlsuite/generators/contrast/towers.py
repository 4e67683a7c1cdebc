"""Two encoders into one space: frozen networks with learned heads, CLIP's two transformers, or open_clip's.

Each splits its work: `prepare_*` is done once for a training set (features, tokens, pixels; no gradient), `embed_*` at
every step.

Reference: Radford et al. 2021, arXiv:2103.00020, section 2.4 and appendix F.
"""

from __future__ import annotations

import importlib
import json
import math
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contrast.config import ContrastConfig
from rlsuite.generators.features import N_FEATURES, lite0_features, to_rgb
from rlsuite.generators.sentences import DIMENSIONS, Encoder, encode_sentences
from rlsuite.generators.streams import seeded_weights
from rlsuite.generators.tokens.captions import CaptionTokens

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""What OpenAI's checkpoints were trained with (their preprocessor_config.json)."""
CONE = 0.1
"""How much smaller a fresh head's weights begin than what it adds for all: cosines begin alike, the loss at ln n, as
in large networks of random weights (Liang et al. 2022, arXiv:2203.02053)."""


class Towers(nn.Module):
    """Pictures and sentences to vectors of one space.

    Args:
        temperature: By which cosines are divided at the start.
        max_scale: Bound of its inverse.
    """

    def __init__(self, temperature: float, max_scale: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.max_scale = max_scale

    @property
    def scale(self) -> Tensor:
        """1 / temperature, at most ``max_scale``."""
        return self.log_scale.exp().clamp(max=self.max_scale)

    @abstractmethod
    def prepare_images(self, images: Tensor) -> Tensor:
        """What `embed_images` reads of images N x C x H x W in [0, 1], of any size; on the CPU, without gradient."""

    @abstractmethod
    def prepare_texts(self, sentences: Sequence[str]) -> Tensor:
        """What `embed_texts` reads."""

    @abstractmethod
    def embed_images(self, prepared: Tensor) -> Tensor:
        """(n, width), of any length."""

    @abstractmethod
    def embed_texts(self, prepared: Tensor) -> Tensor:
        """(n, width), of any length."""


class FrozenTowers(Towers):
    """EfficientNet-Lite0 and a sentence encoder as they are; a linear head on each learns.

    Args:
        config: The section.
        seed: Of the heads.
    """

    def __init__(self, config: ContrastConfig, seed: int) -> None:
        super().__init__(config.temperature, config.max_scale)
        self.encoder: Encoder = config.text
        with seeded_weights(seed, "contrast/heads"):
            self.image_head = _head(N_FEATURES, config.width)
            self.text_head = _head(DIMENSIONS[config.text], config.width)

    def prepare_images(self, images: Tensor) -> Tensor:
        """1,280 features, standardised within each picture."""
        return F.layer_norm(lite0_features(images), (N_FEATURES,))

    def prepare_texts(self, sentences: Sequence[str]) -> Tensor:
        """Sentence vectors with values of about one."""
        return encode_sentences(sentences, self.encoder) * DIMENSIONS[self.encoder] ** 0.5

    def embed_images(self, prepared: Tensor) -> Tensor:
        """The head."""
        return self.image_head(prepared)

    def embed_texts(self, prepared: Tensor) -> Tensor:
        """The head."""
        return self.text_head(prepared)


def _head(n_in: int, n_out: int) -> nn.Linear:
    head = nn.Linear(n_in, n_out)
    nn.init.normal_(head.weight, std=CONE * n_in**-0.5)
    nn.init.normal_(head.bias)
    return head


class ClipTowers(Towers):
    """CLIP's two transformers: small ones from scratch, or a checkpoint of the user's own.

    Args:
        config: The section.
        seed: Of the weights, if they are fresh.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: ContrastConfig, seed: int) -> None:
        super().__init__(config.temperature, config.max_scale)
        self.tokens: CaptionTokens | None = None
        self.tokenizer: Any = None
        self.image_offset: nn.Parameter | None = None
        self.text_offset: nn.Parameter | None = None
        if config.towers == "clip":
            self.model, self.tokenizer, mean, std = load_clip(str(config.checkpoint))
            self.log_scale.data.copy_(self.model.logit_scale.detach())
        else:
            self.model, mean, std = build_clip(config, seed), (0.5,) * 3, (0.5,) * 3
            with seeded_weights(seed, "contrast/offsets"):
                self.image_offset, self.text_offset = (nn.Parameter(torch.randn(config.width)) for _ in range(2))
        del self.model.logit_scale  # ours stands in the base class
        self.side: int = self.model.config.vision_config.image_size
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def prepare_images(self, images: Tensor) -> Tensor:
        """Three channels at the tower's side, standardised."""
        rgb = to_rgb(images).cpu()
        if tuple(rgb.shape[2:]) != (self.side, self.side):
            rgb = F.interpolate(rgb, size=(self.side, self.side), mode="bicubic", antialias=True).clamp(0, 1)
        return (rgb - self.mean.cpu()) / self.std.cpu()

    def prepare_texts(self, sentences: Sequence[str]) -> Tensor:
        """Tokens, (n, length); the last (or the first end token) is where the sentence's vector is read.

        Raises:
            UserError: Nothing was learned yet.
        """
        if self.tokenizer is not None:
            length = self.model.config.text_config.max_position_embeddings
            options = {"padding": "max_length", "truncation": True, "max_length": length, "return_tensors": "pt"}
            return self.tokenizer(list(sentences), **options)["input_ids"]
        if self.tokens is None:
            raise UserError("this contrast has not been trained: it knows no text yet")
        end = self.model.config.text_config.vocab_size - 1
        return F.pad(self.tokens(sentences), (0, 1), value=end)

    def embed_images(self, prepared: Tensor) -> Tensor:
        """The picture's transformer."""
        found = self.model.visual_projection(self.model.vision_model(pixel_values=prepared).pooler_output)
        return found if self.image_offset is None else found + self.image_offset

    def embed_texts(self, prepared: Tensor) -> Tensor:
        """The sentence's transformer."""
        found = self.model.text_projection(self.model.text_model(input_ids=prepared).pooler_output)
        return found if self.text_offset is None else found + self.text_offset


def build_clip(config: ContrastConfig, seed: int) -> Any:
    """A small CLIP with weights drawn from ``seed``; captions end with the last token of its vocabulary."""
    from transformers import CLIPConfig, CLIPModel

    sizes = {
        "hidden_size": config.tower_width,
        "intermediate_size": 4 * config.tower_width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "projection_dim": config.width,
    }
    vocabulary = config.text_vocabulary + config.text_length + 1
    special = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), vocabulary - 1)
    text = {"vocab_size": vocabulary, "max_position_embeddings": config.text_length + 1, **special}
    vision = {"image_size": config.size, "patch_size": config.patch}
    whole = CLIPConfig(text_config=sizes | text, vision_config=sizes | vision, projection_dim=config.width)
    with seeded_weights(seed, "contrast/towers"):
        model = CLIPModel(whole)
    for projection in (model.visual_projection, model.text_projection):
        projection.weight.data.mul_(CONE)
    return model


def load_clip(path: str) -> tuple[Any, Any, Sequence[float], Sequence[float]]:
    """Model, tokeniser, mean and deviation of a checkpoint in the layout of ``openai/clip-*``; nothing is downloaded.

    Raises:
        UserError: It is missing, broken, or of another kind.
    """
    from transformers import AutoConfig, AutoTokenizer, CLIPModel

    try:
        found = AutoConfig.from_pretrained(path, local_files_only=True).model_type
        if found != "clip":
            raise UserError(f"{path}: a clip checkpoint is wanted, this is a {found}")
        model = CLIPModel.from_pretrained(path, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: no clip checkpoint could be read there: {error}") from error
    settings = Path(path) / "preprocessor_config.json"
    card = json.loads(settings.read_text()) if settings.is_file() else {}
    return model, tokenizer, card.get("image_mean", CLIP_MEAN), card.get("image_std", CLIP_STD)


class OpenClipTowers(Towers):
    """A model of the package open_clip with weights of the user's own, used as it is.

    Args:
        config: The section.

    Raises:
        UserError: open_clip is not installed, or cannot read the weights.
    """

    def __init__(self, config: ContrastConfig) -> None:
        super().__init__(config.temperature, config.max_scale)
        try:
            library: Any = importlib.import_module("open_clip")
        except ImportError as error:
            raise UserError(
                f"towers: open_clip needs the package open_clip ({error}). Install: uv pip install open-clip-torch"
            ) from error
        try:
            made = library.create_model_and_transforms(config.model, pretrained=str(config.checkpoint))
        except (OSError, RuntimeError, KeyError) as error:
            raise UserError(f"open_clip cannot read {config.model} from {config.checkpoint}: {error}") from error
        self.kept: list[Any] = [made[0].eval().requires_grad_(False)]  # in a list: no part of what is saved
        self.tokenise: Any = library.get_tokenizer(config.model)
        settings = library.get_model_preprocess_cfg(self.kept[0])
        side = settings["size"]
        self.side = int(side if isinstance(side, int) else side[0])
        self.mean, self.std = (torch.tensor(settings[k])[:, None, None] for k in ("mean", "std"))
        self.log_scale.data.copy_(self.kept[0].logit_scale.detach())

    def prepare_images(self, images: Tensor) -> Tensor:
        """Three channels at the model's side, standardised."""
        rgb = F.interpolate(to_rgb(images).cpu(), size=(self.side, self.side), mode="bicubic", antialias=True)
        return (rgb.clamp(0, 1) - self.mean) / self.std

    def prepare_texts(self, sentences: Sequence[str]) -> Tensor:
        """Tokens."""
        return self.tokenise(list(sentences))

    def embed_images(self, prepared: Tensor) -> Tensor:
        """`encode_image`."""
        return self.kept[0].to(prepared.device).encode_image(prepared)

    def embed_texts(self, prepared: Tensor) -> Tensor:
        """`encode_text`."""
        return self.kept[0].to(prepared.device).encode_text(prepared)


def build_towers(config: ContrastConfig, seed: int) -> Towers:
    """The towers that the section asks for."""
    if config.towers == "frozen":
        return FrozenTowers(config, seed)
    return OpenClipTowers(config) if config.towers == "open_clip" else ClipTowers(config, seed)
