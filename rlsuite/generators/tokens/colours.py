"""A palette that a model carries with it: pictures to colour numbers and back.

Reference: Chen et al. 2020, section 3.2 (k-means of RGB in [-1, 1], nearest by squared distance).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.runs.seeding import numpy_stream, stream_seed

N_PIXELS = 200_000
"""Pixels that the palette is made from, at most."""
CHUNK = 1 << 16


class Colours(nn.Module):
    """K colours of some channels, in [-1, 1], kept with the weights.

    Args:
        n: Colours.
        channels: 1, 3 or 4.
    """

    centres: Tensor

    def __init__(self, n: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.linspace(-1, 1, n)[:, None].repeat(1, channels))

    def learn(self, images: Tensor, seed: int) -> None:
        """Set the colours by k-means on images, uint8 N x C x H x W.

        Where there are fewer different colours than wanted, the rest repeat some and are never the nearest.
        """
        from sklearn.cluster import MiniBatchKMeans

        pixels = images.permute(0, 2, 3, 1).reshape(-1, images.shape[1]).numpy()
        if len(pixels) < len(self.centres):
            raise UserError(f"{len(self.centres)} colours cannot be made from {len(pixels)} pixels")
        chosen = numpy_stream(seed, "tokens/colours").permutation(len(pixels))[:N_PIXELS]
        values, counts = np.unique(pixels[chosen], axis=0, return_counts=True)
        centres = values / 127.5 - 1
        if len(values) > len(self.centres):
            state = stream_seed(seed, "tokens/kmeans") % 2**32
            options: dict[str, Any] = {"random_state": state, "n_init": 1, "batch_size": 4096}
            k_means = MiniBatchKMeans(len(self.centres), **options)
            centres = k_means.fit(centres, sample_weight=counts.astype(np.float64)).cluster_centers_
        self.centres[:] = torch.from_numpy(centres[np.arange(len(self.centres)) % len(centres)])

    def numbers(self, images: Tensor) -> Tensor:
        """Colour numbers (n, H, W) int64 of images in [0, 1]; the nearest by squared distance, the first of equals."""
        pixels = (images * 2 - 1).permute(0, 2, 3, 1)
        flat = pixels.reshape(-1, pixels.shape[-1]).to(self.centres.device)
        nearest = [torch.cdist(part, self.centres).argmin(dim=1) for part in flat.split(CHUNK)]
        return torch.cat(nearest).view(pixels.shape[:-1]) if len(flat) else flat.new_zeros(pixels.shape[:-1]).long()

    def images(self, numbers: Tensor) -> Tensor:
        """Colour numbers (n, H, W) as images in [0, 1] on whole byte values: round(127.5 (c + 1)) / 255."""
        values = (127.5 * (self.centres[numbers] + 1)).round().clamp(0, 255) / 255
        return values.permute(0, 3, 1, 2).contiguous()
