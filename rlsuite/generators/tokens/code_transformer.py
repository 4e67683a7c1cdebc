"""One stream of text and image tokens through GPT-2's blocks.

Reference: Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation", section 2.2.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.generators.streams import seeded_weights
from rlsuite.generators.tokens.cache import Cache
from rlsuite.generators.tokens.config import DalleConfig
from rlsuite.generators.tokens.dalle_masks import attention_masks
from rlsuite.generators.tokens.network import build_gpt2, run


class CodeTransformer(nn.Module):
    """GPT-2's blocks over ``[start] text codes``, codes placed by row and column.

    Args:
        config: The section.
        side: Codes of a row.
        seed: Of the weights.
    """

    masks: Tensor | None

    def __init__(self, config: DalleConfig, side: int, seed: int) -> None:
        super().__init__()
        self.n_text, self.side, self.codes = config.text_length, side, config.codes
        self.first_code = config.text_vocabulary + config.text_length
        self.start = self.first_code + config.codes
        self.gpt: Any = build_gpt2(
            self.start + 1, 1 + config.text_length, config.layers, config.width, config.heads, seed
        )
        with seeded_weights(seed, "dalle/places"):
            self.rows, self.columns = nn.Embedding(side, config.width), nn.Embedding(side, config.width)
            for places in (self.rows, self.columns):
                nn.init.normal_(places.weight, std=0.02)
        sparse = config.attention == "sparse"
        masks = attention_masks(config.layers, 1 + config.text_length, side) if sparse else None
        self.register_buffer("masks", masks, persistent=False)

    @property
    def length(self) -> int:
        """Tokens read: the start, the text, all codes but the last."""
        return self.n_text + self.side**2

    def embed(self, tokens: Tensor, first: int = 0) -> Tensor:
        """Vectors of tokens that stand at ``first`` and after."""
        vectors = self.gpt.transformer.wte(tokens)
        place = torch.arange(first, first + tokens.shape[1], device=tokens.device)
        code = (place - 1 - self.n_text).clamp(min=0)
        text = self.gpt.transformer.wpe(place.clamp(max=self.n_text))
        image = self.rows(code // self.side) + self.columns(code % self.side)
        return vectors + torch.where((place > self.n_text)[:, None], image, text)

    def hidden(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """What the output layer reads, (batch, n, width)."""
        first = cache.n if cache is not None else 0
        return run(self.gpt, self.embed(tokens, first), cache=cache, masks=self.masks)

    def code_scores(self, hidden: Tensor) -> Tensor:
        """Scores of the codes alone, (..., codes)."""
        return F.linear(hidden, self.gpt.lm_head.weight[self.first_code : self.start])

    def text_scores(self, hidden: Tensor) -> Tensor:
        """Scores of the text tokens alone."""
        return F.linear(hidden, self.gpt.lm_head.weight[: self.first_code])


def stream(model: CodeTransformer, texts: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """What is read and what is to be said: (n, length) each."""
    whole = torch.cat([torch.full_like(texts[:, :1], model.start), texts, codes + model.first_code], dim=1)
    return whole[:, :-1], whole[:, 1:]
