"""Text to image: a DCGAN whose networks read a sentence vector.

Reference: Reed, Akata, Yan, Logeswaran, Schiele & Lee 2016, arXiv:1605.05396, section 4 (GAN-CLS, algorithm 1; GAN-INT,
equation 5), with the weights of the authors' program: the wrong and the generated pair count half each.
Deviation: sentences are hashed words or MiniLM vectors, not a character network's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.augment import diff_augment
from rlsuite.generators.contracts import Device, Generator, Spec
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.gan.config import GanClsConfig
from rlsuite.generators.gan.decoder import CHUNK
from rlsuite.generators.gan.losses import fake_loss, generator_loss, judged_right, real_loss
from rlsuite.generators.gan.networks import DcganDiscriminator, DcganGenerator
from rlsuite.generators.images import check_images
from rlsuite.generators.sentences import DIMENSIONS, encode_sentences
from rlsuite.generators.streams import draw_latent, noise, seeded_weights
from rlsuite.generators.training import NetworkState, frozen


class TextCode(nn.Module):
    """Sentence vector to the code that both networks work with.

    Sentence vectors have length one, so each of their hundreds of numbers is tiny: brought to a mean square of one,
    the code is as loud as the noise beside it from the first step on (a tenth of it otherwise, and ignored for long).

    Args:
        length: Of a sentence vector.
        width: Of the code.
    """

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.loudness = length**0.5
        self.linear = nn.Linear(length, width)

    def forward(self, text: Tensor) -> Tensor:
        """(n, length) to (n, width)."""
        return nn.functional.leaky_relu(self.linear(text * self.loudness), 0.2)


class TextDecoder(nn.Module):
    """Noise and sentence vector to image in [-1, 1]."""

    def __init__(self, config: GanClsConfig) -> None:
        super().__init__()
        self.read = TextCode(DIMENSIONS[config.encoder], config.text_width)
        length = config.latent + config.text_width
        self.draw = DcganGenerator(length, config.size, config.channels, config.width, config.kernel)

    def forward(self, latent: Tensor, text: Tensor) -> Tensor:
        """(n, latent) and (n, d) to (n, channels, size, size)."""
        return self.draw(torch.cat([latent, self.read(text)], dim=1))


class TextJudge(nn.Module):
    """Image and sentence vector to a logit that is high where a real image fits its sentence."""

    def __init__(self, config: GanClsConfig) -> None:
        super().__init__()
        self.read = TextCode(DIMENSIONS[config.encoder], config.text_width)
        shape = (config.size, config.channels, config.width, config.kernel)
        self.look = DcganDiscriminator(*shape, condition=config.text_width)

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        """(n, channels, size, size) images and (n, d) texts to logits (n,)."""
        return self.look(images, self.read(text))


class GanCls(Generator):
    """Samples images of a sentence; ranks how well images fit one.

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "gan_cls"
    config_class = GanClsConfig

    def __init__(self, config: GanClsConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        with seeded_weights(seed, self.kind):
            self.decoder, self.judge = TextDecoder(config), TextJudge(config)

    @property
    def spec(self) -> Spec:
        """What its images are."""
        side = self.config.size
        return Spec(self.kind, (side, side), self.config.channels, condition="text")

    def networks(self) -> Mapping[str, nn.Module]:
        """Generator and judge: the second ranks."""
        return {"decoder": self.decoder, "judge": self.judge}

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> GanClsState:
        """Begin training.

        Raises:
            UserError: The set has no captions, or another size.
        """
        data.require(self.spec)
        if data.captions is None:
            raise UserError(f"gan_cls learns from captioned images, {data.id} has no captions; try shapes or emoji")
        return GanClsState(self.to(device), data, seed=seed, device=device)

    def texts(self, condition: Any, n: int) -> Tensor:
        """Sentence vectors for n images.

        Raises:
            UserError: No sentence, or neither one nor n.
        """
        if condition is None:
            raise UserError(f"{self.kind} draws what a sentence says: give one (--condition 'a large red circle')")
        sentences = [condition] if isinstance(condition, str) else list(condition)
        if len(sentences) not in (1, n):
            raise UserError(f"{self.kind}: one sentence or {n} were wanted, got {len(sentences)}")
        return encode_sentences(sentences, self.config.encoder).expand(n, -1)

    @torch.no_grad()
    def sample(self, n: int, *, seed: int, condition: Any = None, temperature: float | None = None) -> Tensor:
        """N images of a sentence (or of n sentences), on the CPU."""
        latent = draw_latent(n, self.config.latent, self.config.prior, seed)
        latent, text = latent * (1.0 if temperature is None else temperature), self.texts(condition, n)
        if not n:
            return torch.empty(0, self.config.channels, *self.spec.size)
        self.decoder.eval()
        parts = zip(latent.split(CHUNK), text.split(CHUNK), strict=True)
        made = [self.decoder(z.to(self.device), t.to(self.device)).cpu() for z, t in parts]
        return (torch.cat(made) + 1) / 2

    @torch.no_grad()
    def score(self, images: Tensor, condition: Any = None) -> Tensor:
        """The judge's logit of each image with the sentence; (n,) on the CPU."""
        check_images(images, size=self.spec.size, channels=self.spec.channels)
        text = self.texts(condition, len(images))
        if not len(images):
            return torch.empty(0)
        self.judge.eval()
        parts = zip(images.split(CHUNK), text.split(CHUNK), strict=True)
        return torch.cat([self.judge(x.to(self.device) * 2 - 1, t.to(self.device)).cpu() for x, t in parts])

    def preview(self, data: ImageSet | None, *, n: int = 16, seed: int = 0) -> Tensor:
        """Images of the set's own captions."""
        if data is None or not data.captions:
            raise UserError(f"{self.kind}: a preview needs captions")
        captions: Sequence[str] = data.captions[:n]
        return self.sample(len(captions), seed=seed, condition=captions)


class GanClsState(NetworkState):
    """A text-to-image GAN's training.

    Args:
        model: The generator; its weights follow.
        data: Captioned images.
        seed: Of batches and noise.
        device: Where to compute.
    """

    config: GanClsConfig

    def __init__(self, model: GanCls, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(model.config, data, seed=seed, device=device)
        config = self.config
        self.texts = encode_sentences(list(data.captions or ()), config.encoder).to(self.device)
        self.g, self.d = self.train_pair(model.decoder, model.judge)

    def step(self) -> Mapping[str, Tensor]:
        """The judge once, the generator once (twice its text if ``interpolate``)."""
        self.d.train()
        rows = self.batches.rows()
        real, text = self.real(rows), self.texts[rows]
        with self.autocast():
            fake = self.g(self._noise(len(real)), text)
        metrics = self._teach_judge(real, fake.detach(), text)
        with frozen(self.d), self.autocast():
            loss = generator_loss(self._judge(fake, text), "vanilla")
            if self.config.interpolate:
                between = (text + text[self._others(len(text))]) / 2
                made = self.g(self._noise(len(real)), between)
                loss = loss + generator_loss(self._judge(made, between), "vanilla")
        self.descend(self.optimizers["g"], loss)
        self.end_step()
        return {**metrics, "loss_g": loss.detach()}

    def _teach_judge(self, real: Tensor, fake: Tensor, text: Tensor) -> dict[str, Tensor]:
        with self.autocast():
            on_real, on_fake = self._judge(real, text), self._judge(fake, text)
            loss, metrics = real_loss(on_real, "vanilla"), {}
            if self.config.match:
                wrong = fake_loss(self._judge(real, text[self._others(len(text))]), "vanilla")
                loss = loss + 0.5 * wrong + 0.5 * fake_loss(on_fake, "vanilla")
                metrics["loss_wrong"] = wrong.detach()
            else:
                loss = loss + fake_loss(on_fake, "vanilla")
        self.descend(self.optimizers["d"], loss)
        return {"loss_d": loss.detach(), **metrics, **judged_right(on_real, on_fake)}

    def _others(self, n: int) -> Tensor:
        """For each row of a batch another one: all are shifted by the same random amount."""
        shift = torch.randint(1, n, (1,), generator=self.generator, device=self.device)
        return (torch.arange(n, device=self.device) + shift) % n

    def _noise(self, n: int) -> Tensor:
        return noise((n, self.config.latent), self.config.prior, self.generator)

    def _judge(self, images: Tensor, text: Tensor) -> Tensor:
        return self.d(diff_augment(images, self.config.diff_augment, self.generator), text)
