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


def walk_until(model: Any, guide: AttributeReader, starts: Tensor, direction: Tensor, name: str, wanted: str) -> Tensor:
    """Each start moved only as far as a reader that is not the judge needs to see the attribute, and a fifth beyond."""
    found, open_ = starts.clone(), torch.ones(len(starts), dtype=torch.bool)
    for strength in (0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0):
        tried = (starts[open_] + strength * direction).clamp(-1, 1)
        found[open_] = (starts[open_] + 1.2 * strength * direction).clamp(-1, 1)
        seen = torch.tensor([value == wanted for value in guide.read(decode_all(model, tried))[name]], dtype=torch.bool)
        open_[open_.nonzero().squeeze(1)[seen]] = False
        if not open_.any():
            break
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
    shown = torch.empty(0)
    for strength in (1.0, 1.5, 2.0, 3.0):
        direction = strength * arithmetic([latent[with_]], [latent[without]])
        made = (latent[starts] + direction).clamp(-1, 1)
        after = reader.read(decode_all(model, made))
        scores = judge_change(read, after, starts, name, wanted)
        if not best or scores["success"] > best["success"]:
            best = {**scores, "strength": strength, "n_exemplars": len(with_), "n_judged": len(starts)}
            shown = torch.stack([decode_all(model, latent[starts[:8]]), decode_all(model, made[:8])], dim=1)
    direction = arithmetic([latent[with_]], [latent[without]])
    after = reader.read(decode_all(model, walk_until(model, guide, latent[starts], direction, name, wanted)))
    best["walked"] = judge_change(read, after, starts, name, wanted)
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
