"""What both translators share: transforming, previews, schedules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Generator, Spec
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.images import check_images
from rlsuite.generators.training import NetworkState

CHUNK = 32


class Translator(Generator):
    """A generator that turns images into images: `Transforms`."""

    directions: tuple[str, ...] = ("b",)

    @property
    def spec(self) -> Spec:
        """What its images are."""
        side = self.config.size
        return Spec(self.kind, (side, side), self.config.channels, condition="image")

    def translator(self, to: str) -> nn.Module:
        """The network of a direction."""
        raise NotImplementedError

    @torch.no_grad()
    def transform(self, images: Tensor, *, to: str | None = None, strength: float = 1.0) -> Tensor:
        """Translate images.

        Args:
            images: N x C x H x W in [0, 1].
            to: The domain wanted: ``b`` (the default), or ``a`` where the model goes both ways.
            strength: 0 leaves the images, 1 translates them, between mixes both.

        Raises:
            UserError: Images that do not fit, or a direction the model does not have.
        """
        to = to or "b"
        if to not in self.directions:
            raise UserError(f"{self.kind} translates to {' or '.join(self.directions)}, not to {to!r}")
        check_images(images, size=self.spec.size, channels=self.spec.channels)
        network = self.translator(to).eval()
        if not len(images):
            return images
        made = torch.cat([network(part.to(self.device) * 2 - 1).cpu() for part in images.split(CHUNK)])
        return images + strength * ((made + 1) / 2 - images)

    def preview(self, data: ImageSet | None, *, n: int = 16, seed: int = 0) -> Tensor:
        """Pictures of the set and, behind each, its translation.

        Raises:
            UserError: There is no set to take pictures from.
        """
        if data is None or not len(data):
            raise UserError(f"{self.kind}: a preview needs images to translate")
        images = self.inputs(data.subset(list(range(min(n // 2, len(data))))))
        return torch.stack([images, self.transform(images)], dim=1).flatten(0, 1)

    def inputs(self, data: ImageSet) -> Tensor:
        """What of a set is translated, in [0, 1]."""
        return data.floats()


class TranslatorState(NetworkState):
    """A translator's training: the step size is constant, then falls to 0."""

    def set_rate(self) -> float:
        """Set this step's size and return it."""
        config: Any = self.config
        share = 1 - max(0, self.n_steps - config.constant_steps) / config.decay_steps
        rate = config.learning_rate * max(0.0, share)
        for optimizer in self.optimizers.values():
            optimizer.param_groups[0]["lr"] = rate
        return rate
