"""How good samples are, by measures that need no download: FD-lite0, KID, precision and recall, copies.

FD-lite0 is the Frechet distance on EfficientNet-Lite0 features at 128x128. It is not FID and must never stand
beside published FIDs: other network, other numbers.

Reference: Heusel et al. 2017, arXiv:1706.08500 (Frechet distance); Binkowski et al. 2018, arXiv:1801.01401 (KID,
polynomial kernel of degree 3, unbiased); Kynkaanniemi et al. 2019, arXiv:1904.06991 (precision and recall, k = 3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.features import lite0_features
from rlsuite.generators.images import check_images

Features = Callable[[Tensor], Tensor]
NEIGHBOURS = 3
COPY_QUANTILE = 0.01
"""A sample is called a copy if it is nearer to a training image than this share of real images are to another."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of a set of samples.

    Attributes:
        fd_lite0: Frechet distance to the real images; 0 is best.
        kid: Kernel distance; 0 is best, may be slightly negative.
        precision: Share of samples that lie among real images.
        recall: Share of real images that lie among samples.
        copy_share: Share of samples that are nearly a training image.
        nearest_mean: Mean distance of samples to the nearest training image, in pixels' root mean square (0 to 1).
        n_fake: Samples that were looked at.
        n_real: Real images they were compared with.
    """

    fd_lite0: float
    kid: float
    precision: float
    recall: float
    copy_share: float
    nearest_mean: float
    n_fake: int
    n_real: int

    def to_dict(self) -> dict[str, float]:
        """As plain data."""
        return asdict(self)


def quality(real: Tensor, fake: Tensor, *, training: Tensor | None = None, features: Features | None = None) -> Quality:
    """Compare samples with real images.

    Args:
        real: N x C x H x W in [0, 1]; held-out ones if there are.
        fake: M x C x H x W in [0, 1].
        training: What the generator saw, to look for copies in; None: ``real``.
        features: Images to (n, d); None: `lite0_features`.

    Raises:
        UserError: Fewer than two images on a side, or different sizes.
    """
    check_images(real, what="real images")
    check_images(fake, channels=int(real.shape[1]), size=(int(real.shape[2]), int(real.shape[3])), what="samples")
    if min(len(real), len(fake)) < 2:
        raise UserError(f"quality: 2 images a side are needed, got {len(real)} real and {len(fake)} generated")
    extract = features or lite0_features
    a, b = extract(real).double(), extract(fake).double()
    precision, recall = precision_recall(a, b)
    distances, limit = copy_distances(real if training is None else training, fake)
    return Quality(
        frechet_distance(a, b),
        kernel_distance(a, b),
        precision,
        recall,
        float((distances < limit).double().mean()),
        float(distances.mean()),
        len(fake),
        len(real),
    )


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """|mean difference|^2 + tr(A + B - 2 (AB)^(1/2)) of two sets of features, (n, d) and (m, d).

    The trace of the root is the sum of the singular values of the product of the two centred sets, which needs no
    root of a matrix: tr (AB)^(1/2) = |Xa Xb^T|_* / sqrt((n - 1)(m - 1)). Where there are more images than features,
    each set's triangular factor stands for it.
    """
    mean_a, mean_b = a.mean(dim=0), b.mean(dim=0)
    xa, xb = (a - mean_a) / (len(a) - 1) ** 0.5, (b - mean_b) / (len(b) - 1) ** 0.5
    root = torch.linalg.svdvals(_factor(xa) @ _factor(xb).T).sum()
    distance = (mean_a - mean_b).square().sum() + xa.square().sum() + xb.square().sum() - 2 * root
    return max(0.0, float(distance))


def _factor(x: Tensor) -> Tensor:
    """X itself, or if it is tall the square R of X = QR: Q changes no singular value."""
    return torch.linalg.qr(x, mode="r").R if x.shape[0] > x.shape[1] else x


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3."""
    n, m, d = len(a), len(b), a.shape[1]
    aa, bb, ab = (((x @ y.T) / d + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    within = (aa.sum() - aa.trace()) / (n * (n - 1)) + (bb.sum() - bb.trace()) / (m * (m - 1))
    return float(within - 2 * ab.mean())


def precision_recall(real: Tensor, fake: Tensor, k: int = NEIGHBOURS) -> tuple[float, float]:
    """Share of fakes within the k-th neighbour's distance of some real one, and the other way round."""
    between = torch.cdist(real, fake)
    precision = (between <= _radius(real, k)[:, None]).any(dim=0)
    recall = (between <= _radius(fake, k)[None, :]).any(dim=1)
    return float(precision.double().mean()), float(recall.double().mean())


def _radius(points: Tensor, k: int) -> Tensor:
    distances = torch.cdist(points, points)
    return distances.kthvalue(min(k + 1, len(points)), dim=1).values  # the first is the point itself


def copy_distances(training: Tensor, fake: Tensor) -> tuple[Tensor, float]:
    """Each sample's distance to the nearest training image, and the distance below which it counts as a copy.

    The limit is what only the nearest 1 % of training images keep from another training image (and at least
    1/255, so that exact copies always count).
    """
    real, made = training.flatten(1), fake.flatten(1)
    scale = real.shape[1] ** 0.5
    nearest = torch.cat([torch.cdist(part, real).amin(dim=1) for part in made.split(256)]) / scale
    own = torch.cat([_others(real[i : i + 256], real, i) for i in range(0, len(real), 256)]) / scale
    own = own[torch.isfinite(own)]
    limit = float(own.quantile(COPY_QUANTILE)) if len(own) else 0.0
    return nearest, max(limit, 1 / 255)


def _others(part: Tensor, real: Tensor, first: int) -> Tensor:
    distances = torch.cdist(part, real)
    rows = torch.arange(len(part))
    distances[rows, rows + first] = torch.inf
    return distances.amin(dim=1)
