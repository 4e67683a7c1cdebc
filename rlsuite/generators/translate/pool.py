"""Earlier translations, so that discriminators do not forget them.

Reference: Shrivastava et al. 2017, arXiv:1612.07828, section 2.3, as used by CycleGAN: of 50 images each is swapped
for an older one with probability one half.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlsuite.runs.statetree import StateTree


class ImagePool:
    """Keeps up to ``size`` images and gives old ones for new.

    Args:
        size: How many; 0 gives every image back at once.
        generator: Decides; its state is kept by whoever owns it.
    """

    def __init__(self, size: int, generator: torch.Generator) -> None:
        self.size, self.generator = size, generator
        self.images: list[Tensor] = []

    def swap(self, images: Tensor) -> Tensor:
        """As many images: the new ones while the pool fills, then each with p = 0.5 replaced by an old one."""
        if not self.size:
            return images
        device = images.device
        chances = torch.rand(len(images), generator=self.generator, device=device).tolist()
        places = torch.randint(self.size, (len(images),), generator=self.generator, device=device).tolist()
        given = []
        for image, chance, place in zip(images, chances, places, strict=True):
            if len(self.images) < self.size:
                self.images.append(image.clone())
                given.append(image)
            elif chance < 0.5:
                given.append(self.images[place])
                self.images[place] = image.clone()
            else:
                given.append(image)
        return torch.stack(given)

    def state_dict(self) -> StateTree:
        """The images."""
        return {"images": torch.stack(self.images) if self.images else torch.empty(0)}

    def load_state_dict(self, tree: StateTree) -> None:
        """Bring `state_dict` back."""
        self.images = list(tree["images"].to(self.generator.device))
