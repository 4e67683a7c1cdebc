"""Random changes of films: one draw for all frames of a film, or it would flicker."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rlsuite.generators.augment import augment, diff_augment
from rlsuite.generators.config import AugmentConfig


def augment_films(films: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """`augment` of films, N x C x T x H x W."""
    return augment(films.flatten(1, 2), config, generator).view_as(films)


def diff_augment_films(films: Tensor, policies: Sequence[str], generator: torch.Generator) -> Tensor:
    """`diff_augment` of films, N x C x T x H x W in [-1, 1]."""
    if "colour" in policies:  # frames below each other: colours stay one dimension, contrast is the whole film's
        films = diff_augment(films.flatten(2, 3), ("colour",), generator).view_as(films)
    moves = [name for name in policies if name != "colour"]
    return diff_augment(films.flatten(1, 2), moves, generator).view_as(films) if moves else films
