"""What every generator with a latent vector shares: sampling, decoding, moving between devices."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Generator, Spec
from rlsuite.generators.streams import draw_latent

CHUNK = 128
"""Images (frames of films) decoded at once."""


class LatentModel(Generator):
    """A generator whose network turns a latent vector into an image or film: `Samples` and `Decodes`."""

    decoder: nn.Module

    @property
    def spec(self) -> Spec:
        """What its images are."""
        side = self.config.size
        return Spec(self.kind, (side, side), self.config.channels, latent=self.config.latent)

    def latent(self, n: int, seed: int) -> Tensor:
        """N latent vectors of the prior, (n, latent) float32, on the CPU."""
        if n < 0:
            raise UserError(f"{self.kind}: {n} images were asked for; 0 or more are possible")
        return draw_latent(n, self.config.latent, self.config.prior, seed)

    def decode(self, latent: Tensor) -> Tensor:
        """Images in [0, 1] of latent vectors; differentiable with respect to them.

        Raises:
            UserError: The vectors are of another length.
        """
        self.decoder.eval()
        return (self.decoder(self.checked(latent).to(self.device)) + 1) / 2

    def checked(self, latent: Tensor) -> Tensor:
        """The same vectors.

        Raises:
            UserError: They are of another length.
        """
        if latent.dim() != 2 or latent.shape[1] != self.config.latent:
            raise UserError(f"{self.kind}: latent vectors (n, {self.config.latent}) wanted, got {tuple(latent.shape)}")
        return latent

    @torch.no_grad()
    def sample(self, n: int, *, seed: int, condition: Any = None, temperature: float | None = None) -> Tensor:
        """N images, on the CPU. ``temperature`` scales the latent vectors: below 1 safer, above 1 stranger.

        Raises:
            UserError: A condition was given to a generator that takes none.
        """
        if condition is not None:
            raise UserError(f"{self.kind} takes no condition")
        latent = self.latent(n, seed) * (1.0 if temperature is None else temperature)
        return decode_all(self, latent)


class LatentDecoder(LatentModel):
    """A latent model of still images: constraints on them become a search, so it `Edits` too."""

    def edit(self, start: Tensor | None, constraints: Any, *, n: int = 16, seed: int = 0) -> Any:
        """Pictures near ``start`` that keep the constraints, best first: `rlsuite.generators.edits.edit`."""
        from rlsuite.generators.edits import edit

        return edit(self, start, constraints, n=n, seed=seed)


@torch.no_grad()
def decode_all(decoder: Any, latent: Tensor) -> Tensor:
    """Decode any number of latent vectors, some at a time; images (or films) on the CPU."""
    spec: Spec = decoder.spec
    if not len(latent):
        return torch.empty((0, *(() if spec.n_frames is None else (spec.n_frames,)), spec.channels, *spec.size))
    return torch.cat([decoder.decode(part).cpu() for part in latent.split(max(1, CHUNK // (spec.n_frames or 1)))])
