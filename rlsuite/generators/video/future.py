"""videogan that goes on from a picture: what may happen next.

Reference: Vondrick, Pirsiavash & Torralba 2016, arXiv:1609.02612, section 5.2.
Deviation: a latent vector moves the picture's code, so that one picture has many futures; the published network is
given the picture alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Device, Generator, Spec
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.images import check_images
from rlsuite.generators.streams import draw_latent, noise, seeded_weights
from rlsuite.generators.video.config import VideoFutureConfig
from rlsuite.generators.video.networks import Drawn, FilmDecoder, FilmJudge, FrameStem
from rlsuite.generators.video.videogan import CHUNK, VideoGanState, film_shape, judge_films, score_films, to_border


class VideoFuture(Generator):
    """Samples films that begin with a given picture; ranks films by its discriminator.

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "videogan_future"
    config_class = VideoFutureConfig

    def __init__(self, config: VideoFutureConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        shape = film_shape(config)
        with seeded_weights(seed, self.kind):
            self.decoder = FilmDecoder(FrameStem(config.latent, shape), shape, two=config.streams == "two")
            self.judge = FilmJudge(shape)

    @property
    def spec(self) -> Spec:
        """What its films are."""
        side, frames = self.config.size, self.config.n_frames
        return Spec(self.kind, (side, side), self.config.channels, condition="image", n_frames=frames)

    def networks(self) -> Mapping[str, nn.Module]:
        """Generator and discriminator: the second ranks."""
        return {"decoder": self.decoder, "judge": self.judge}

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> VideoFutureState:
        """Begin training.

        Raises:
            UserError: The films are of another size or length.
        """
        data.require(self.spec)
        return VideoFutureState(self.to(device), data, seed=seed, device=device)

    @torch.no_grad()
    def sample(self, n: int, *, seed: int, condition: Any = None, temperature: float | None = None) -> Tensor:
        """N films, n x T x C x H x W, on the CPU; ``condition``: their first frames, (1 or n) x C x H x W in [0, 1].

        Raises:
            UserError: No picture, or neither one nor n.
        """
        frames = self._first_frames(condition, n)
        latent = draw_latent(n, self.config.latent, self.config.prior, seed)
        latent = latent * (1.0 if temperature is None else temperature)
        if not n:
            return torch.empty(0, self.config.n_frames, self.config.channels, *self.spec.size)
        self.decoder.eval()
        parts = zip(latent.split(CHUNK), frames.split(CHUNK), strict=True)
        made = [self.decoder(z.to(self.device), f.to(self.device) * 2 - 1).film.cpu() for z, f in parts]
        return to_border(torch.cat(made))

    @torch.no_grad()
    def score(self, images: Tensor, condition: Any = None) -> Tensor:
        """The discriminator's logit of each film (N x T x C x H x W in [0, 1]); (n,) on the CPU."""
        return judge_films(self, images)

    def preview(self, data: ImageSet | None, *, n: int = 16, seed: int = 0) -> Tensor:
        """Futures of the set's own first frames.

        Raises:
            UserError: There is no set.
        """
        if data is None or not len(data):
            raise UserError(f"{self.kind}: a preview needs films")
        frames = data.floats(slice(0, n))[:, 0]
        return self.sample(len(frames), seed=seed, condition=frames)

    def own_scores(self, data: ImageSet, held_out: ImageSet, seed: int) -> dict[str, Any]:
        """How its films move, how far they are from real ones, and how well they follow on what was given.

        ``l1_first`` is the mean distance of the first frames to those given, ``l1_last`` that of the last frames to
        the real ones; ``l1_last_still`` is what a film that stands still would get.
        """
        real = (held_out if len(held_out) >= 2 else data).floats(slice(0, self.config.n_scored))
        made = self.sample(len(real), seed=seed, condition=real[:, 0])
        return {
            **score_films(made, data, held_out),
            "l1_first": float((made[:, 0] - real[:, 0]).abs().mean()),
            "l1_last": float((made[:, -1] - real[:, -1]).abs().mean()),
            "l1_last_still": float((real[:, 0] - real[:, -1]).abs().mean()),
        }

    def _first_frames(self, condition: Any, n: int) -> Tensor:
        if not isinstance(condition, Tensor):
            raise UserError(f"{self.kind} goes on from a picture: give one (--condition first.png)")
        check_images(condition, size=self.spec.size, channels=self.spec.channels, what="the first frames")
        if len(condition) not in (1, n):
            raise UserError(f"{self.kind}: one first frame or {n} were wanted, got {len(condition)}")
        return condition.expand(n, -1, -1, -1)


class VideoFutureState(VideoGanState):
    """The training of a model that goes on from a picture."""

    def draw(self, real: Tensor) -> Drawn:
        """A future of each real film's first frame."""
        return self.g(noise((len(real), self.config.latent), self.config.prior, self.generator), real[:, :, 0])

    def penalties(self, drawn: Drawn, real: Tensor) -> dict[str, tuple[float, Tensor]]:
        """The mask, and the distance of the first frame to the given one."""
        config: Any = self.config
        off = (drawn.film[:, :, 0] - real[:, :, 0]).float().abs().mean()
        return {**super().penalties(drawn, real), "loss_l1": (config.first_frame_coef, off)}
