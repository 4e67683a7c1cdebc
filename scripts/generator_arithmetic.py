"""Attribute arithmetic as `generator_claims.py` scores it: exemplars, directions, how far to go, what came out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rlsuite.generators.gan.decoder import decode_all
from rlsuite.generators.latents import arithmetic
from rlsuite.generators.readback import AttributeReader
from rlsuite.generators.scores import change_score

Figures = dict[str, Any]
Readers = tuple[AttributeReader, AttributeReader]
"""The judge, and another who says how far to go."""


STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0)


@torch.no_grad()
def walk(model: Any, guide: AttributeReader, starts: Tensor, direction: Tensor, name: str, wanted: str) -> Tensor:
    """Each start moved as far as a reader that is not the judge finds best.

    Best is where it is likeliest that the attribute is there and that all others are what they were.
    """
    before = {key: logits.argmax(dim=1) for key, logits in guide(decode_all(model, starts)).items()}
    asked = before | {name: torch.full_like(before[name], guide.classes[name].index(wanted))}
    found, best = starts.clone(), torch.full((len(starts),), -torch.inf)
    for strength in STRENGTHS:
        tried = (starts + strength * direction).clamp(-1, 1)
        read = guide(decode_all(model, tried))
        parts = [read[key].log_softmax(dim=1).gather(1, asked[key][:, None]).squeeze(1) for key in read]
        likelihood = torch.stack(parts).sum(dim=0)
        better = likelihood > best
        found[better], best = tried[better], torch.maximum(best, likelihood)
    return found


def add_attribute(
    model: Any, readers: Readers, latent: Tensor, read: Figures, name: str, wanted: str, n: int
) -> tuple[Figures, Tensor]:
    """Move 200 pictures without an attribute; the exemplars are other pictures.

    The two concepts' exemplars agree in every other attribute pair by pair, as a person would choose them.
    """
    reader, guide = readers
    rows_with = [i for i, value in enumerate(read[name]) if value == wanted]
    rows_without = [i for i, value in enumerate(read[name]) if value != wanted]
    starts, pool = rows_without[:200], rows_without[200:]
    with_, without = matched(read, name, rows_with, pool, n)
    best: Figures = {}
    if len(with_) < 3 or not starts:
        return {"success": 0.0, "n_exemplars": len(with_)}, decode_all(model, latent[:16])
    for strength in (1.0, 1.5, 2.0, 3.0):
        direction = strength * arithmetic([latent[with_]], [latent[without]])
        made = (latent[starts] + direction).clamp(-1, 1)
        after = reader.read(decode_all(model, made))
        scores = judge_change(read, after, starts, name, wanted)
        if not best or scores["success"] > best["success"]:
            best = {**scores, "strength": strength, "n_exemplars": len(with_), "n_judged": len(starts)}
    direction = arithmetic([latent[with_]], [latent[without]])
    walked = decode_all(model, walk(model, guide, latent[starts], direction, name, wanted))
    best["walked"] = judge_change(read, reader.read(walked), starts, name, wanted)
    shown = torch.stack([decode_all(model, latent[starts[:8]]), walked[:8]], dim=1)
    return best, shown.flatten(0, 1)


def matched(read: Figures, name: str, rows_with: list[int], pool: list[int], n: int) -> tuple[list[int], list[int]]:
    """Up to n pairs that differ in this attribute alone."""
    others = [key for key in read if key != name]
    free: dict[tuple[str, ...], list[int]] = {}
    for row in pool:
        free.setdefault(tuple(read[key][row] for key in others), []).append(row)
    pairs = []
    for row in rows_with:
        if partners := free.get(tuple(read[key][row] for key in others)):
            pairs.append((row, partners.pop()))
    pairs = pairs[:n]
    return [a for a, _ in pairs], [b for _, b in pairs]


def judge_change(read: Figures, after: Figures, starts: list[int], name: str, wanted: str) -> Figures:
    """Shares: the attribute appeared; all others stayed; both."""
    before = {key: [values[row] for row in starts] for key, values in read.items()}
    found = change_score(before, after, name, wanted)
    return {
        "appeared": found.appeared,
        "others_all_stayed": found.all_stayed,
        "others_stayed_each": found.stayed,
        "success": found.success,
    }
