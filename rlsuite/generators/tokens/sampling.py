"""Draws tokens: temperature, top-k, top-p and masks, with numbers that depend on the seed and on nothing else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rlsuite.generators.tokens.network import Cache, embed, run, run_at
from rlsuite.runs.seeding import numpy_stream

CHUNK = 64
"""Sequences sampled at once."""
GUESSES = 4
"""Tokens read at once where the row above is a guess of the next: one that is sure, and guesses."""


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
    above: Tensor | None = None,
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
        above: (batch, m), m of at least `GUESSES`: the m tokens that stand a row before the new ones, row after
            row. New tokens are guessed to repeat them and several guesses are checked in one pass; what is drawn
            stays the same (a token is a function of the tokens before it and of its uniform number).
    """
    cache = cache or Cache.empty(model, len(prefix), prefix.shape[1] + n_new - 1)
    options: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    if above is not None and n_new > 1:
        return _guessing(model, prefix, n_new, uniform, above, among, cache, options)
    made, fed = prefix.new_empty(len(prefix), n_new), prefix
    for i in range(n_new):
        scores = logits_of_last(model, fed, cache)[:, :among]
        made[:, i] = choose(scores, uniform[:, i], **options)
        fed = made[:, i : i + 1]
    return made


def _guessing(
    model: Any,
    prefix: Tensor,
    n_new: int,
    uniform: Tensor,
    above: Tensor,
    among: int | None,
    cache: Cache,
    options: dict[str, Any],
) -> Tensor:
    """As `generate`, each sequence at its own pace: the last sure token and some guesses are read at once, and what
    is drawn after them counts as far as the guesses were right.

    Reference: Leviathan, Kalman & Matias 2023, arXiv:2211.17192 (drafts that are verified); here the draft is the row
    above and, with the uniform numbers given, a draw is right or wrong, not accepted by chance.
    """
    m, steps = above.shape[1], torch.arange(GUESSES, device=prefix.device)
    whole = torch.cat([above, above.new_zeros(len(prefix), n_new)], dim=1)  # token i of the new ones stands at m + i
    first = logits_of_last(model, prefix, cache)[:, :among]
    whole[:, m] = choose(first, uniform[:, 0], **options)
    n_sure, start = torch.ones(len(prefix), dtype=torch.long, device=prefix.device), cache.n
    while _least(n_sure, n_new) < n_new:
        at = n_sure[:, None] - 1 + steps
        read = at.clamp(max=n_new - 2)  # the last token is never read
        guessed = steps > 0
        fed = whole.gather(1, torch.where(guessed & (read >= n_sure[:, None]), read, read + m))
        scores = model.lm_head(run_at(model, fed, start + read, cache))[..., :among]
        drawn = _choose_many(scores, uniform.gather(1, read + 1), options)
        right = (fed[:, 1:] == drawn[:, :-1]).long().cumprod(dim=1)
        counts = torch.cat([torch.ones_like(right[:, :1]), right], dim=1).bool() & (at + 1 < n_new)
        rows, columns = counts.nonzero(as_tuple=True)
        whole[rows, m + at[rows, columns] + 1] = drawn[rows, columns]
        n_sure = n_sure + counts.sum(dim=1)
    cache.n = start + n_new - 1
    return whole[:, m:]


def _least(n_sure: Tensor, n_new: int) -> int:
    return int(n_sure.min()) if len(n_sure) else n_new


def _choose_many(scores: Tensor, uniform: Tensor, options: dict[str, Any]) -> Tensor:
    """`choose` for (batch, n, vocabulary)."""
    batch, n, _ = scores.shape
    heat = options["temperature"]
    if isinstance(heat, Tensor):
        options = {**options, "temperature": heat.repeat_interleave(n)}
    return choose(scores.flatten(0, 1), uniform.flatten(), **options).view(batch, n)


def logits_of_last(model: Any, tokens: Tensor, cache: Cache) -> Tensor:
    """Scores after the last of these tokens, (batch, vocabulary); the output layer is spared the others."""
    hidden = run(model, embed(model, tokens, cache.n), cache=cache)
    return model.lm_head(hidden[:, -1])
