"""Arithmetic and text to image scored by what came out: attributes read back from the pictures.

Reference: Radford, Metz & Chintala 2016, arXiv:1511.06434, section 6.3.2 (arithmetic with means of exemplars); Reed et
al. 2016, arXiv:1605.05396, section 4.5 (new combinations of known words).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Ranks, Samples
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.gan.decoder import decode_all
from rlsuite.generators.latents import arithmetic

Read = Mapping[str, Sequence[str]]
"""Attribute to each picture's value."""


class Reads(Protocol):
    """Says what pictures show: `rlsuite.generators.readback.AttributeReader` is one."""

    def read(self, images: Tensor) -> Read:
        """Each attribute's value for each image, N x C x H x W in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class ChangeScore:
    """What adding an attribute did.

    Attributes:
        appeared: Share of pictures that show the wanted value.
        stayed: Share of other attributes that stayed as they were, mean over pictures and attributes.
        all_stayed: Share of pictures whose other attributes all stayed.
        success: Share of pictures where both hold: it appeared, and all others stayed.
        n: Pictures that were judged.
    """

    appeared: float
    stayed: float
    all_stayed: float
    success: float
    n: int


def change_score(before: Read, after: Read, attribute: str, wanted: str) -> ChangeScore:
    """Compare what pictures showed before and after ``attribute`` was to become ``wanted``.

    Raises:
        UserError: There is no such attribute, no picture, or another number of them.
    """
    if attribute not in before:
        raise UserError(f"there is no attribute {attribute!r}; there are {', '.join(before)}")
    n, others = len(before[attribute]), [name for name in before if name != attribute]
    if not n or any(len(read[name]) != n for read in (before, after) for name in before):
        raise UserError("change_score: as many pictures before as after are wanted, and at least one")
    appeared = [value == wanted for value in after[attribute]]
    stayed = [[before[name][i] == after[name][i] for name in others] for i in range(n)]
    whole = [all(row) for row in stayed]
    return ChangeScore(
        sum(appeared) / n,
        sum(map(sum, stayed)) / max(1, n * len(others)) if others else 1.0,
        sum(whole) / n,
        sum(a and b for a, b in zip(appeared, whole, strict=True)) / n,
        n,
    )


@dataclass(frozen=True)
class Addition:
    """An attribute added to pictures by arithmetic.

    Attributes:
        score: What it did.
        direction: What was added, (latent,): mean with the attribute less mean without it.
        before: Latent vectors of the pictures it was added to, (n, latent).
        n_exemplars: Exemplars of each of the two concepts.
    """

    score: ChangeScore
    direction: Tensor
    before: Tensor
    n_exemplars: int


def score_arithmetic(
    decodes: Any,
    reader: Reads,
    attribute: str,
    wanted: str,
    *,
    n: int = 100,
    n_exemplars: int = 3,
    n_drawn: int = 1000,
    strength: float = 1.0,
    seed: int = 0,
) -> Addition:
    """Add an attribute to samples that lack it, and read back what came out.

    Exemplars of both concepts are found among ``n_drawn`` samples by the reader, in pairs that agree in every other
    attribute, as a person would choose them. The pictures that are judged are others.

    Args:
        decodes: A generator that `Decodes`.
        reader: Says what pictures show.
        attribute: Which.
        wanted: The value it shall get.
        n: Pictures judged at most.
        n_exemplars: Exemplars a concept; three as published.
        n_drawn: Samples looked through.
        strength: The direction is multiplied by it.
        seed: Of the samples.

    Raises:
        UserError: Too few samples show, or lack, the attribute.
    """
    latent = decodes.latent(n_drawn, seed)
    read = reader.read(decode_all(decodes, latent))
    if attribute not in read:
        raise UserError(f"there is no attribute {attribute!r}; there are {', '.join(read)}")
    lacking = [i for i, value in enumerate(read[attribute]) if value != wanted]
    judged, free = lacking[:n], lacking[n:]
    pairs = _pairs(read, attribute, wanted, free)[:n_exemplars]
    if not judged or not pairs:
        shown = sum(value == wanted for value in read[attribute])
        raise UserError(
            f"arithmetic with {attribute}={wanted}: of {n_drawn} samples {shown} show it and {len(lacking)} lack it, "
            "which leaves no pair of exemplars beside those that are judged; draw more (n_drawn), or choose another"
        )
    having, without = ([pair[side] for pair in pairs] for side in (0, 1))
    direction = strength * arithmetic([latent[having]], [latent[without]])
    moved = latent[judged] + direction
    moved = moved.clamp(-1, 1) if decodes.config.prior == "uniform" else moved
    after = reader.read(decode_all(decodes, moved))
    before = {name: [values[i] for i in judged] for name, values in read.items()}
    return Addition(change_score(before, after, attribute, wanted), direction, latent[judged], len(pairs))


def _pairs(read: Read, attribute: str, wanted: str, free: Sequence[int]) -> list[tuple[int, int]]:
    """Rows that have the value, each with one that lacks it and agrees in all other attributes."""
    others = [name for name in read if name != attribute]
    partners: dict[tuple[str, ...], list[int]] = {}
    for row in free:
        partners.setdefault(tuple(read[name][row] for name in others), []).append(row)
    pairs = []
    for row, value in enumerate(read[attribute]):
        if value == wanted and (found := partners.get(tuple(read[name][row] for name in others))):
            pairs.append((row, found.pop(0)))
    return pairs


@dataclass(frozen=True)
class CaptionScore:
    """How far drawings show what their captions say.

    Attributes:
        each: Attribute to the share of drawings that show it as said.
        all: Share of drawings that show every attribute as said.
        n: Drawings.
    """

    each: Mapping[str, float]
    all: float
    n: int


def caption_score(read: Read, said: Sequence[Mapping[str, str]]) -> CaptionScore:
    """Compare what drawings show with what was asked for.

    Args:
        read: What they show.
        said: For each drawing attribute to value; attributes that are not read are left out.
    """
    n = len(said)
    right = {name: [row[name] == v for row, v in zip(said, read[name], strict=True)] for name in read}
    whole = [all(values[i] for values in right.values()) for i in range(n)]
    return CaptionScore({name: sum(v) / max(1, n) for name, v in right.items()}, sum(whole) / max(1, n), n)


@dataclass(frozen=True)
class Compositionality:
    """Drawings of sentences that training had, and of sentences that it had not.

    Attributes:
        seen: Of captions that occur in training.
        unseen: Of captions that do not: new combinations of known words.
    """

    seen: CaptionScore
    unseen: CaptionScore


def compositionality(
    samples: Samples, reader: Reads, everything: ImageSet, training: ImageSet, *, n_each: int = 4, seed: int = 0
) -> Compositionality:
    """Draw every caption of a set and read it back, those of training apart from those it never had.

    Args:
        samples: A generator whose condition is a sentence.
        reader: Says what drawings show; taught on ``everything``, or it could not see what is hidden.
        everything: Captions and labels of all combinations.
        training: What the generator learned from.
        n_each: Drawings of each caption.
        seed: Of the drawings.

    Raises:
        UserError: There are no captions or labels, or nothing was hidden from training.
    """
    if everything.captions is None or training.captions is None or not everything.labels:
        raise UserError(f"compositionality: the set {everything.id} has no captions with labels; shapes and emoji have")
    known, said = set(training.captions), labels_of_captions(everything)
    parts = [[c for c in said if (c in known) == seen for _ in range(n_each)] for seen in (True, False)]
    if not all(parts):
        raise UserError(
            "compositionality: training must have some captions and lack others; set data.hide_combinations: true"
        )
    found = []
    for captions in parts:
        drawn = samples.sample(len(captions), seed=seed, condition=captions)
        found.append(caption_score(reader.read(drawn), [said[c] for c in captions]))
    return Compositionality(found[0], found[1])


def labels_of_captions(data: ImageSet) -> dict[str, dict[str, str]]:
    """Each caption of a set, once, and what the labels say of the first picture that has it."""
    said: dict[str, dict[str, str]] = {}
    for row, caption in enumerate(data.captions or ()):
        said.setdefault(caption, {name: values[row] for name, values in data.labels.items()})
    return said


@dataclass(frozen=True)
class Reranking:
    """Drawings of sentences: all of them, and those that a scorer puts first.

    Attributes:
        random: All drawings, which is what one drawn at random shows on average.
        best: The best k of n by the scorer and the sentence itself.
        shuffled: The best k of the same n by the scorer and another sentence: what choosing alone, without what
            was asked for, does.
    """

    random: CaptionScore
    best: CaptionScore
    shuffled: CaptionScore


def reranking(
    samples: Samples,
    ranks: Ranks,
    reader: Reads,
    said: Mapping[str, Mapping[str, str]],
    *,
    n: int = 32,
    k: int = 1,
    seed: int = 0,
) -> Reranking:
    """Draw every sentence n times, let a scorer choose k, and read back what was chosen.

    Reference: Ramesh et al. 2021, arXiv:2102.12092, section 2.6 (best of 512 by CLIP).

    Args:
        samples: A generator whose condition is a sentence.
        ranks: Scores pictures by a sentence.
        reader: Says what drawings show.
        said: Sentence to attribute to value; at least two.
        n: Drawings of each.
        k: How many of them are chosen.
        seed: Of the drawings.

    Raises:
        UserError: Fewer than two sentences, or k is not in 1..n.
    """
    if len(said) < 2 or not 1 <= k <= n:
        raise UserError(f"reranking: two sentences or more and 1 <= k <= n were wanted, got {len(said)}, k {k}, n {n}")
    captions, parts = list(said), ([], [], [])
    for i, caption in enumerate(captions):
        other = captions[(i + len(captions) // 2) % len(captions)]
        drawn = samples.sample(n, seed=seed + i, condition=[caption] * n)
        chosen = (ranks.score(drawn, text).argsort(descending=True, stable=True)[:k] for text in (caption, other))
        for part, pictures in zip(parts, (drawn, *(drawn[rows] for rows in chosen)), strict=True):
            part.append(pictures)
    scores = []
    for part in parts:
        asked = [said[caption] for caption, pictures in zip(captions, part, strict=True) for _ in pictures]
        scores.append(caption_score(reader.read(torch.cat(part)), asked))
    return Reranking(*scores)


def readable(data: ImageSet, most: int = 24, least: int = 10) -> list[str]:
    """The labels of a set that a reader can be taught: 2 to ``most`` values, each shown ``least`` times or more."""
    counts = {name: Counter(values) for name, values in data.labels.items()}
    return [name for name, found in counts.items() if 2 <= len(found) <= most and min(found.values()) >= least]
