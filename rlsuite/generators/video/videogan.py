"""videogan: films of a latent vector, a masked foreground over a background that stands still.

Reference: Vondrick, Pirsiavash & Torralba 2016, arXiv:1609.02612, sections 3 and 4; weights of the authors' program.
Deviation: one logit where the program has two classes; the weights that sample are an exponential average
(``ema_decay: 0`` turns that off).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Device, Spec
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.gan.decoder import LatentModel
from rlsuite.generators.gan.losses import fake_loss, generator_loss, judged_right, real_loss
from rlsuite.generators.images import check_images
from rlsuite.generators.streams import noise, seeded_weights
from rlsuite.generators.training import NetworkState, frozen
from rlsuite.generators.video.config import FilmConfig, VideoGanConfig
from rlsuite.generators.video.films import augment_films, diff_augment_films
from rlsuite.generators.video.measures import film_distance, motion_energy, still_share
from rlsuite.generators.video.networks import Drawn, FilmDecoder, FilmJudge, FilmShape, LatentStem

CHUNK = 16
"""Films judged at once."""


def film_shape(config: FilmConfig) -> FilmShape:
    """The shape of a section's films."""
    return FilmShape(config.size, config.n_frames, config.channels, config.width)


class VideoGan(LatentModel):
    """Samples and decodes films; ranks films by its discriminator (logit, high is real).

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "videogan"
    config_class = VideoGanConfig

    def __init__(self, config: VideoGanConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        shape = film_shape(config)
        with seeded_weights(seed, self.kind):
            self.decoder = FilmDecoder(LatentStem(config.latent, shape), shape, two=config.streams == "two")
            self.judge = FilmJudge(shape)

    @property
    def spec(self) -> Spec:
        """What its films are."""
        return replace(super().spec, n_frames=self.config.n_frames)

    def networks(self) -> Mapping[str, nn.Module]:
        """Generator and discriminator: the second ranks."""
        return {"decoder": self.decoder, "judge": self.judge}

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> VideoGanState:
        """Begin training.

        Raises:
            UserError: The films are of another size or length.
        """
        data.require(self.spec)
        return VideoGanState(self.to(device), data, seed=seed, device=device)

    def draw(self, latent: Tensor) -> Drawn:
        """Films with their masks and backgrounds, as the network draws them (time after channels, in [-1, 1])."""
        self.decoder.eval()
        return self.decoder(self.checked(latent).to(self.device))

    def decode(self, latent: Tensor) -> Tensor:
        """Films in [0, 1] of latent vectors, n x T x C x H x W; differentiable with respect to them.

        Raises:
            UserError: The vectors are of another length.
        """
        return to_border(self.draw(latent).film)

    @torch.no_grad()
    def score(self, images: Tensor, condition: Any = None) -> Tensor:
        """The discriminator's logit of each film (N x T x C x H x W in [0, 1]); (n,) on the CPU."""
        return judge_films(self, images)

    def own_scores(self, data: ImageSet, held_out: ImageSet, seed: int) -> dict[str, Any]:
        """How its films move, and how far they are from real ones; how sparse its masks are."""
        latent = self.latent(self.config.n_scored, seed)
        with torch.no_grad():
            masks = torch.cat([self.draw(part).mask.mean(dim=(1, 2, 3, 4)) for part in latent.split(CHUNK)])
        mask = {"mask_mean": float(masks.mean())} if self.config.streams == "two" else {}
        return {**score_films(self.sample(len(latent), seed=seed), data, held_out), **mask}


class VideoGanState(NetworkState):
    """A videogan's training.

    Args:
        model: The generator; its weights follow.
        data: Films.
        seed: Of batches and noise.
        device: Where to compute.
    """

    config: FilmConfig

    def __init__(self, model: Any, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(model.config, data, seed=seed, device=device)
        self.g, self.d = self.train_pair(model.decoder, model.judge)

    def real(self, rows: Tensor | None = None, images: Tensor | None = None) -> Tensor:
        """The next films, augmented, N x C x T x H x W in [-1, 1]."""
        rows = self.batches.rows() if rows is None else rows
        chosen = (self.images if images is None else images)[rows].float().div_(127.5).sub_(1)
        return augment_films(chosen.transpose(1, 2), self.config.augment, self.generator)

    def step(self) -> Mapping[str, Tensor]:
        """The discriminator once, the generator once."""
        self.d.train()
        real = self.real()
        with self.autocast():
            drawn: Drawn = self.draw(real)
        metrics = self._teach_judge(real, drawn.film.detach())
        with frozen(self.d), self.autocast():
            loss = generator_loss(self._judge(drawn.film), "vanilla")
        more = self.penalties(drawn, real)
        self.descend(
            self.optimizers["g"], loss + torch.stack([weight * value for weight, value in more.values()]).sum()
        )
        self.end_step()
        return {**metrics, "loss_g": loss.detach(), **{name: value.detach() for name, (_, value) in more.items()}}

    def draw(self, real: Tensor) -> Drawn:
        """New films, as many as there are real ones."""
        return self.g(noise((len(real), self.config.latent), self.config.prior, self.generator))

    def penalties(self, drawn: Drawn, real: Tensor) -> dict[str, tuple[float, Tensor]]:
        """What the generator pays beside the discriminator's loss: name to weight and value."""
        weight = self.config.mask_coef if drawn.background is not None else 0.0
        return {"mask": (weight, drawn.mask.float().mean())}

    def _teach_judge(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        with self.autocast():
            on_real, on_fake = self._judge(real), self._judge(fake)
            loss = real_loss(on_real, "vanilla") + fake_loss(on_fake, "vanilla")
        self.descend(self.optimizers["d"], loss)
        return {"loss_d": loss.detach(), **judged_right(on_real, on_fake)}

    def _judge(self, films: Tensor) -> Tensor:
        return self.d(diff_augment_films(films, self.config.diff_augment, self.generator))


def to_border(films: Tensor) -> Tensor:
    """N x C x T x H x W in [-1, 1] to N x T x C x H x W in [0, 1]."""
    return ((films + 1) / 2).clamp(0, 1).transpose(1, 2).contiguous()  # rounding may leave the range


@torch.no_grad()
def judge_films(model: Any, films: Tensor) -> Tensor:
    """The logits of a model's discriminator; (n,) on the CPU.

    Raises:
        UserError: The films are of another shape or range.
    """
    check_images(films.flatten(0, 1) if films.dim() == 5 else films, size=model.spec.size, channels=model.spec.channels)
    shape = (model.spec.n_frames, model.spec.channels, *model.spec.size)
    if films.dim() != 5 or tuple(films.shape[1:]) != shape:
        raise UserError(f"{model.kind}: films n x {shape} are wanted, found {tuple(films.shape)}")
    model.judge.eval()
    parts = films.split(CHUNK) if len(films) else ()
    found = [model.judge(part.transpose(1, 2).to(model.device) * 2 - 1).float().cpu() for part in parts]
    return torch.cat(found) if found else torch.empty(0)


def score_films(made: Tensor, data: ImageSet, held_out: ImageSet) -> dict[str, Any]:
    """The figures of `measures`, against held-out films where there are some."""
    real_set = held_out if len(held_out) >= 2 else data
    real = real_set.floats(slice(0, len(made)))
    frames, changes = film_distance(real, made)
    return {
        "fd_lite0_frames": frames,
        "fd_lite0_changes": changes,
        "motion": motion_energy(made),
        "motion_real": motion_energy(real),
        "still": still_share(made),
        "still_real": still_share(real),
        "against": "held-out films" if real_set is held_out else "training films",
    }
