"""Figures of films: how much moves, and how far films are from real ones.

The distances are Frechet distances on EfficientNet-Lite0 features of single frames and of the differences between
frames; they are not the "FVD" of the literature, which takes another network.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.features import lite0_features
from rlsuite.generators.images import check_images
from rlsuite.generators.measures import Features, frechet_distance

STILL = 4 / 255
"""A pixel that never differs by more than this from its first value stands still."""
N_LOOKS = 4
"""Frames (and differences) of a film that are looked at."""


def check_films(films: Tensor, what: str = "films") -> Tensor:
    """Refuse what is not float32 N x T x C x H x W in [0, 1] with at least two frames.

    Raises:
        UserError: It is not.
    """
    if not isinstance(films, Tensor) or films.dim() != 5 or films.shape[1] < 2:
        found = tuple(films.shape) if isinstance(films, Tensor) else type(films).__name__
        raise UserError(f"{what}: N x T x C x H x W with at least 2 frames is wanted, found {found}")
    check_images(films.flatten(0, 1), what=what)
    return films


def motion_energy(films: Tensor) -> float:
    """Mean absolute change from one frame to the next, over all pixels and films, in [0, 1]."""
    return float(check_films(films).diff(dim=1).abs().mean())


def still_share(films: Tensor) -> float:
    """Share of pixels that stand still throughout their film."""
    moved = (check_films(films) - films[:, :1]).abs().amax(dim=(1, 2))
    return float((moved <= STILL).double().mean())


def film_distance(real: Tensor, fake: Tensor, *, features: Features | None = None) -> tuple[float, float]:
    """Frechet distances between real and drawn films: of their frames, and of the differences between frames.

    Args:
        real: N x T x C x H x W in [0, 1].
        fake: M x T x C x H x W in [0, 1].
        features: Images to (n, d); None: `lite0_features`.

    Raises:
        UserError: Fewer than two films on a side, or other frames.
    """
    check_films(real, "real films")
    check_films(fake, "drawn films")
    if min(len(real), len(fake)) < 2 or real.shape[1:] != fake.shape[1:]:
        raise UserError(
            "film_distance: at least 2 films a side of one shape are needed, found "
            f"{tuple(real.shape)} and {tuple(fake.shape)}"
        )
    extract = features or lite0_features
    found = [frechet_distance(extract(a).double(), extract(b).double()) for a, b in zip(_looks(real), _looks(fake))]
    return found[0], found[1]


def _looks(films: Tensor) -> tuple[Tensor, Tensor]:
    """Some frames of each film, and how the film goes on from each (grey: it stands still)."""
    when = torch.linspace(0, films.shape[1] - 2, min(N_LOOKS, films.shape[1] - 1)).round().long()
    change = (films[:, when + 1] - films[:, when] + 1) / 2
    return films[:, when].flatten(0, 1), change.flatten(0, 1)
