"""Random changes of what is seen while training: the usual remedies that skins are compared with.

References: Laskin et al. 2020 (RAD, crop), arXiv:2004.14990; Yarats et al. 2020 (DrQ, shift), arXiv:2004.13649; Lee et
al. 2019 (random convolution), arXiv:1910.05396; Hansen & Wang 2020 (overlay), arXiv:2011.13389. Deviation: they act
where pictures are collected, not where they are replayed; overlays are coarse noise instead of photographs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rlsuite.envs.vector import StateTree, VectorEnv
from rlsuite.errors import UserError
from rlsuite.runs.seeding import torch_stream
from rlsuite.skins.observing import ObservedEnv, picture_shape

Augmentation = Callable[[Tensor, torch.Generator], Tensor]
"""Pictures float32 (n, C, H, W) in [0, 1], a whole stack in the channels, to pictures of the same shape."""
PAD = 4
CROPPED = 1 / 6
"""Share of the side that a crop leaves out."""


def shift(images: Tensor, generator: torch.Generator) -> Tensor:
    """Move each by up to `PAD` pixels; the edges are repeated."""
    n, _, height, width = images.shape
    padded = F.pad(images, (PAD, PAD, PAD, PAD), mode="replicate")
    moves = torch.randint(0, 2 * PAD + 1, (n, 2), generator=generator, device=generator.device).tolist()
    return torch.stack([p[:, y : y + height, x : x + width] for p, (y, x) in zip(padded, moves, strict=True)])


def crop(images: Tensor, generator: torch.Generator | None) -> Tensor:
    """Cut a part out of each and enlarge it; without a generator the middle."""
    n, _, height, width = images.shape
    rows, columns = round(height * CROPPED), round(width * CROPPED)
    places = [[rows // 2, columns // 2]] * n
    if generator is not None:
        draws = torch.rand((n, 2), generator=generator, device=generator.device).cpu()
        places = (draws * torch.tensor([rows + 1, columns + 1])).long().tolist()
    cut = [i[:, y : y + height - rows, x : x + width - columns] for i, (y, x) in zip(images, places, strict=True)]
    return F.interpolate(torch.stack(cut), size=(height, width), mode="bilinear", align_corners=False)


def convolve(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random 3x3 filter for each, the same for its whole stack, brought back to the range of the picture."""
    n, channels = images.shape[:2]
    kernels = torch.randn((n, 1, 3, 3), generator=generator, device=generator.device)
    kernels = kernels.repeat_interleave(channels, dim=0).to(images.device)
    padded = F.pad(images.reshape(1, n * channels, *images.shape[2:]), (1, 1, 1, 1), mode="replicate")
    made = F.conv2d(padded, kernels, groups=n * channels).view_as(images)
    low, high = made.amin((1, 2, 3), keepdim=True), made.amax((1, 2, 3), keepdim=True)
    return (made - low) / (high - low).clamp(min=1e-6)


def overlay(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half the picture, half coarse noise, the same for its whole stack."""
    noise = torch.rand((len(images), 1, 6, 6), generator=generator, device=generator.device).to(images.device)
    return 0.5 * images + 0.5 * F.interpolate(noise, size=images.shape[2:], mode="bilinear", align_corners=False)


AUGMENTATIONS: Mapping[str, Augmentation] = {"shift": shift, "crop": crop, "convolution": convolve, "overlay": overlay}


class AugmentedEnv(ObservedEnv):
    """Every observation changed anew.

    Args:
        inner: A level of pictures.
        name: One of `AUGMENTATIONS`.
        seed: Of the changes.
        test: Evaluation: nothing is drawn; of the crop the middle is taken.

    Raises:
        UserError: There is no such augmentation.
    """

    def __init__(self, inner: VectorEnv, name: str | None, *, seed: int = 0, test: bool = False) -> None:
        if name not in AUGMENTATIONS:
            raise UserError(f"env.observation: augment to {name!r} is unknown; {', '.join(AUGMENTATIONS)} are possible")
        picture_shape(inner)
        self._name, self._test = str(name), test
        self._generator = torch_stream(seed, f"skins/augment/{name}")
        super().__init__(inner, inner.observation_space)

    def see(self, obs: Tensor, where: slice) -> Tensor:
        """See `ObservedEnv.see`."""
        if self._test and self._name != "crop":
            return obs
        images = obs.float() / 255
        made = crop(images, None) if self._test else AUGMENTATIONS[self._name](images, self._generator)
        return made.mul(255).round().clamp(0, 255).to(torch.uint8)

    def state_dict(self) -> StateTree:
        """The level's state and the stream of the changes."""
        return {**super().state_dict(), "augment": self._generator.get_state()}

    def load_state_dict(self, state: StateTree) -> Tensor:
        """See `VectorEnv.load_state_dict`."""
        self._generator.set_state(torch.as_tensor(state["augment"], dtype=torch.uint8).cpu())
        return super().load_state_dict(state)
