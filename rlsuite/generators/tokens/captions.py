"""Captions as tokens: byte pairs learned from the set, and a learned token for each place left empty.

Reference: Ramesh et al. 2021, section 2.2 (lower case, byte pairs, a padding token of its own for each place).
Deviation: no byte-pair dropout, whose draws could not be repeated from a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rlsuite.errors import UserError


class CaptionTokens:
    """Turns captions into numbers of a fixed length.

    Args:
        text: What `to_text` gave: the learned byte pairs.
        vocabulary: Numbers kept for byte pairs.
        length: Tokens of a caption.
    """

    def __init__(self, text: str, vocabulary: int, length: int) -> None:
        from tokenizers import Tokenizer

        self.tokenizer: Any = Tokenizer.from_str(text)
        self.vocabulary, self.length = vocabulary, length

    @classmethod
    def learn(cls, captions: Sequence[str], vocabulary: int, length: int) -> CaptionTokens:
        """Byte pairs of these captions; the same captions give the same pairs.

        Raises:
            UserError: There are no captions.
        """
        from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

        if not captions:
            raise UserError("text to image learns from captions: choose a set that has them (`rlsuite ls datasets`)")
        tokenizer: Any = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(sorted(set(captions)), trainer)
        return cls(tokenizer.to_str(), vocabulary, length)

    def to_text(self) -> str:
        """The byte pairs as JSON."""
        return self.tokenizer.to_str()

    def __call__(self, captions: Sequence[str | None]) -> Tensor:
        """(n, length) int64; None is an empty caption. What is too long is cut."""
        found = torch.arange(self.length).repeat(len(captions), 1) + self.vocabulary
        for row, caption in enumerate(captions):
            ids = self.tokenizer.encode(caption).ids[: self.length] if caption else []
            found[row, : len(ids)] = torch.tensor(ids, dtype=torch.long)
        return found
