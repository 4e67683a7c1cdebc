"""Draws tokens: temperature, top-k, top-p and masks, with numbers that depend on the seed and on nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rlsuite.generators.tokens.cache import Cache, empty_cache
from rlsuite.generators.tokens.config import TokenConfig
from rlsuite.generators.tokens.network import embed, run
from rlsuite.runs.seeding import numpy_stream

CHUNK = 64
"""Sequences sampled at once."""
OnImages = Callable[[Tensor], None]
"""Is shown all pictures (n, C, H, W) while they are being drawn; what is not there yet is grey, or transparent."""


def uniforms(n: int, length: int, seed: int, name: str) -> Tensor:
    """A number in [0, 1) for each token of each sequence, (n, length); the first rows are the same for every n."""
    return torch.from_numpy(numpy_stream(seed, f"tokens/{name}").random((n, length))).float()


def choose(
    scores: Tensor,
    uniform: Tensor,
    *,
    temperature: float | Tensor = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    allowed: Tensor | None = None,
) -> Tensor:
    """One token for each row of scores.

    Args:
        scores: (batch, vocabulary).
        uniform: (batch,) in [0, 1): where in the cumulative distribution the token lies.
        temperature: For all, or (batch,); 0 takes the likeliest.
        top_k: Only among the k likeliest; 0 for all.
        top_p: Only among the likeliest that hold this share.
        allowed: (vocabulary,) or (batch, vocabulary) bool; others are never chosen.

    Returns:
        (batch,) int64.
    """
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    if not isinstance(temperature, Tensor):
        if temperature == 0:
            return scores.argmax(dim=-1)
        temperature = torch.full_like(uniform, temperature)
    cold = temperature == 0
    scores = scores / torch.where(cold, torch.ones_like(temperature), temperature)[:, None]
    if 0 < top_k < scores.shape[-1]:
        scores = scores.masked_fill(scores < scores.topk(top_k, dim=-1).values[:, -1:], -torch.inf)
    shares = scores.softmax(dim=-1)
    if top_p < 1:
        shares = _nucleus(shares, top_p)
    edges = shares.cumsum(dim=-1)
    drawn = (edges <= uniform[:, None] * edges[:, -1:]).sum(dim=-1)
    last = shares.shape[-1] - 1 - (shares.flip(-1) > 0).int().argmax(dim=-1)  # rounding must not step past it
    return torch.where(cold, scores.argmax(dim=-1), torch.minimum(drawn, last))


def _nucleus(shares: Tensor, top_p: float) -> Tensor:
    ordered, order = shares.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered
    return shares.masked_fill((before >= top_p).scatter(-1, order, before >= top_p), 0.0)


def paste(images: Tensor, known: Tensor, made: Tensor) -> Tensor:
    """Completions with what was given put over them.

    Args:
        images: (n, C, H, W).
        known: (n, 1, H, W), 1 where pixels are given.
        made: (n * k, C, H, W), k completions of each image in turn.
    """
    times = len(made) // max(len(images), 1)
    given, mask = (x.repeat_interleave(times, dim=0) for x in (images, known.bool()))
    return torch.where(mask, given, made)


def half_precision(device: torch.device, config: TokenConfig) -> torch.autocast:
    """Bfloat16 for sampling and what it keeps, on CUDA, unless ``mixed_precision`` is off."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" and config.mixed_precision)


def unfinished(images: Tensor, there: Tensor) -> Tensor:
    """Pictures of which only a part is drawn, the rest grey.

    Args:
        images: (n, C, H, W).
        there: (n, h, w) bool, what is drawn, in pixels or in blocks of them.
    """
    block = images.shape[-1] // there.shape[-1]
    mask = there.repeat_interleave(block, dim=1).repeat_interleave(block, dim=2)[:, None]
    return torch.where(mask, images, 0.5)


@torch.no_grad()
def generate(
    model: Any,
    prefix: Tensor,
    n_new: int,
    uniform: Tensor,
    *,
    temperature: float | Tensor = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    among: int | None = None,
    cache: Cache | None = None,
    watch: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Go on after ``prefix`` (batch, n >= 1) for ``n_new`` tokens; returns those, (batch, n_new).

    Prefix and new tokens together may be as long as the model's context plus the last token, which is not read.

    Args:
        model: GPT-2 or ImageGPT.
        prefix: What is read first.
        n_new: Tokens to draw.
        uniform: (batch, n_new), see `choose`.
        temperature: See `choose`, as the two after it.
        top_k: See `choose`.
        top_p: See `choose`.
        among: Draw among the first tokens of the vocabulary, this many; None for all.
        cache: What came before the prefix, with room for what follows; None: nothing.
        watch: Is shown the tokens so far, (batch, 1 and more), after each.
    """
    cache = cache or empty_cache(model, len(prefix), prefix.shape[1] + n_new - 1)
    made, fed = prefix.new_empty(len(prefix), n_new), prefix
    for i in range(n_new):
        scores = logits_of_last(model, fed, cache)[:, :among]
        made[:, i] = choose(scores, uniform[:, i], temperature=temperature, top_k=top_k, top_p=top_p)
        fed = made[:, i : i + 1]
        if watch is not None:
            watch(made[:, : i + 1])
    return made


def logits_of_last(model: Any, tokens: Tensor, cache: Cache) -> Tensor:
    """Scores after the last of these tokens, (batch, vocabulary); the output layer is spared the others."""
    hidden = run(model, embed(model, tokens, cache.n), cache=cache)
    return model.lm_head(hidden[:, -1]).float()
