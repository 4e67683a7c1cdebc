"""Small sets of images to learn from."""

import os

import torch

from rlsuite.generators.data.imageset import ImageSet

os.environ.setdefault("OMP_NUM_THREADS", "1")


def random_set(n: int = 40, size: int = 16, channels: int = 3, seed: int = 0) -> ImageSet:
    """Noise; good for contracts, not for learning."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, channels, size, size), generator=generator, dtype=torch.uint8)
    return ImageSet("noise", images, [str(i) for i in range(n)])


def stripes(n: int = 128, size: int = 16, seed: int = 0) -> ImageSet:
    """Upright stripes of two widths and random tint: simple enough to be learned in seconds."""
    generator = torch.Generator().manual_seed(seed)
    tint = torch.rand((n, 3, 1, 1), generator=generator)
    width = torch.randint(2, 4, (n, 1, 1, 1), generator=generator)
    phase = torch.randint(0, 4, (n, 1, 1, 1), generator=generator)
    bars = ((torch.arange(size).view(1, 1, 1, size) + phase) // width) % 2
    images = (bars * tint).expand(n, 3, size, size).mul(255).to(torch.uint8)
    return ImageSet("stripes", images.contiguous(), [str(i) for i in range(n)])
