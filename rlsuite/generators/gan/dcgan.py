"""DCGAN: a convolutional generator against a convolutional discriminator.

Reference: Radford, Metz & Chintala 2016, arXiv:1511.06434.
Deviation: the weights that sample are an exponential average of those that train (``ema_decay: 0`` turns that
off), with the average of the batch statistics; the published code normalises by the batch's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.generators.augment import diff_augment
from rlsuite.generators.contracts import Device
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.gan.config import DcganConfig
from rlsuite.generators.gan.decoder import CHUNK, LatentDecoder
from rlsuite.generators.gan.losses import fake_loss, generator_loss, judged_right, real_loss
from rlsuite.generators.gan.networks import DcganDiscriminator, DcganGenerator
from rlsuite.generators.images import check_images
from rlsuite.generators.streams import noise, seeded_weights
from rlsuite.generators.training import NetworkState, frozen


class Dcgan(LatentDecoder):
    """Samples and decodes; ranks images by its discriminator (logit, high is real).

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "dcgan"
    config_class = DcganConfig

    def __init__(self, config: DcganConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        width = config.discriminator_width or config.width
        with seeded_weights(seed, self.kind):
            self.decoder = DcganGenerator(config.latent, config.size, config.channels, config.width, config.kernel)
            self.discriminator = DcganDiscriminator(config.size, config.channels, width, config.kernel)

    def networks(self) -> Mapping[str, nn.Module]:
        """Generator and discriminator: the second ranks."""
        return {"decoder": self.decoder, "discriminator": self.discriminator}

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> DcganState:
        """Begin training.

        Raises:
            UserError: The images are of another size.
        """
        data.require(self.spec)
        return DcganState(self.to(device), data, seed=seed, device=device)

    @torch.no_grad()
    def score(self, images: Tensor, condition: Any = None) -> Tensor:
        """The discriminator's logit of each image, high for what looks real; (n,) on the CPU."""
        check_images(images, size=self.spec.size, channels=self.spec.channels)
        self.discriminator.eval()
        parts = images.split(CHUNK)
        return torch.cat([self.discriminator(part.to(self.device) * 2 - 1).float().cpu() for part in parts])


class DcganState(NetworkState):
    """A DCGAN's training.

    Args:
        model: The generator; its weights follow.
        data: What is learned from.
        seed: Of batches and noise.
        device: Where to compute.
    """

    config: DcganConfig

    def __init__(self, model: Dcgan, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(model.config, data, seed=seed, device=device)
        self.g, self.d = self.train_pair(model.decoder, model.discriminator, "discriminator")
        for optimizer in self.optimizers.values():
            optimizer.param_groups[0]["weight_decay"] = self.config.weight_decay

    def step(self) -> Mapping[str, Tensor]:
        """The discriminator once, the generator ``generator_steps`` times."""
        self.d.train()
        real = self.real()
        fake = self._fake(len(real))
        metrics = self._teach_discriminator(real, fake.detach())
        for i in range(self.config.generator_steps):
            metrics["loss_g"] = self._teach_generator(fake if i == 0 else self._fake(len(real)))
        self.end_step()
        return metrics

    def _fake(self, n: int) -> Tensor:
        with self.autocast():
            return self.g(noise((n, self.config.latent), self.config.prior, self.generator))

    def _teach_discriminator(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        with self.autocast():
            on_real, on_fake = self.judge(real), self.judge(fake)
            loss = real_loss(on_real, self.config.loss) + fake_loss(on_fake, self.config.loss)
        self.descend(self.optimizers["d"], loss)
        return {"loss_d": loss.detach(), **judged_right(on_real, on_fake)}

    def _teach_generator(self, fake: Tensor) -> Tensor:
        with frozen(self.d), self.autocast():
            loss = generator_loss(self.judge(fake), self.config.loss)
        self.descend(self.optimizers["g"], loss)
        return loss.detach()

    def judge(self, images: Tensor) -> Tensor:
        """The discriminator's logits, after DiffAugment."""
        return self.d(diff_augment(images, self.config.diff_augment, self.generator))
