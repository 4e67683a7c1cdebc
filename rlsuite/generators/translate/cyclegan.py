"""CycleGAN: two domains, no pairs; what is translated there and back must be what it was.

Reference: Zhu, Park, Isola & Efros 2017, arXiv:1703.10593, section 3 and appendix 7.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.augment import augment, diff_augment
from rlsuite.generators.contracts import Device
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.gan.losses import fake_loss, generator_loss, real_loss
from rlsuite.generators.streams import seeded_weights
from rlsuite.generators.training import Batches, frozen
from rlsuite.generators.translate.base import Translator, TranslatorState
from rlsuite.generators.translate.config import CycleGanConfig
from rlsuite.generators.translate.networks import PatchDiscriminator, ResnetTranslator
from rlsuite.generators.translate.pool import ImagePool


class CycleGan(Translator):
    """Transforms domain A into B and B into A.

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "cyclegan"
    config_class = CycleGanConfig
    directions = ("b", "a")

    def __init__(self, config: CycleGanConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        shape = (config.channels, config.width, config.blocks, config.upsample)
        with seeded_weights(seed, self.kind):
            self.to_b, self.to_a = ResnetTranslator(*shape), ResnetTranslator(*shape)

    def networks(self) -> Mapping[str, nn.Module]:
        """Both translators."""
        return {"to_b": self.to_b, "to_a": self.to_a}

    def translator(self, to: str) -> nn.Module:
        """The network of a direction."""
        return self.to_b if to == "b" else self.to_a

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> CycleGanState:
        """Begin training.

        Raises:
            UserError: The set has one domain only, or another size.
        """
        data.require(self.spec)
        if data.partners is None:
            raise UserError(f"cyclegan learns from two domains, {data.id} has one; try paired-folders or emoji/pairs")
        return CycleGanState(self.to(device), data, seed=seed, device=device)

    def own_scores(self, data: ImageSet, held_out: ImageSet, seed: int) -> dict[str, Any]:
        """Distance of translations to the hidden partners, and of the untranslated pictures, mean L1 in [0, 1]."""
        if held_out.partners is None or not held_out.aligned or not len(held_out):
            return {}
        a, b = held_out.floats(), held_out.partners.float() / 255
        return {
            "l1_to_b": float((self.transform(a, to="b") - b).abs().mean()),
            "l1_to_a": float((self.transform(b, to="a") - a).abs().mean()),
            "l1_untranslated": float((a - b).abs().mean()),
        }


class CycleGanState(TranslatorState):
    """A CycleGAN's training. Pictures that belong together are never drawn together on purpose.

    Args:
        model: The generator; its weights follow.
        data: Domain A in ``images``, B in ``partners``.
        seed: Of batches and pools.
        device: Where to compute.
    """

    config: CycleGanConfig

    def __init__(self, model: CycleGan, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(model.config, data, seed=seed, device=device)
        config = self.config
        assert data.partners is not None
        self.images_b = data.partners.to(self.device)
        self.batches_b = Batches(len(self.images_b), config.batch_size, self.generator)
        self.images_per_step = 2 * config.batch_size
        self.to_b = self.train_beside(model.to_b, "to_b")
        self.to_a = self.train_beside(model.to_a, "to_a")
        with seeded_weights(seed, "discriminators"):
            shape = (config.channels, config.width, config.discriminator_layers, config.size)
            self.d_a = self.add("d_a", PatchDiscriminator(*shape))
            self.d_b = self.add("d_b", PatchDiscriminator(*shape))
        self.pool_a, self.pool_b = (ImagePool(config.pool, self.generator) for _ in range(2))
        self.parts |= {"batches_b": self.batches_b, "pool_a": self.pool_a, "pool_b": self.pool_b}
        self.adam("g", [*self.to_a.parameters(), *self.to_b.parameters()], config.learning_rate)
        d_rate = config.discriminator_learning_rate or config.learning_rate
        self.adam("d", [*self.d_a.parameters(), *self.d_b.parameters()], d_rate)

    def step(self) -> Mapping[str, Tensor | float]:
        """Both translators once, then both discriminators once."""
        rate = self.set_rate()
        a = self.real()
        b = augment(self.images_b[self.batches_b.rows()].float().div(127.5).sub(1), self.config.augment, self.generator)
        fake_a, fake_b, metrics = self._teach_translators(a, b)
        if self.config.gan_coef:
            metrics["loss_d"] = self._teach_discriminators(a, b, fake_a.detach(), fake_b.detach())
        self.end_step()
        return {**metrics, "learning_rate": rate}

    def _translate(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A and B translated, and what the translators change of pictures that need no translation.

        Both go through a network together: instance norm knows no neighbours, and one large pass costs less.
        """
        if not (self.config.identity_coef and self.config.cycle_coef):
            return self.to_a(b), self.to_b(a), torch.zeros((), device=self.device)
        fake_b, same_b = self.to_b(torch.cat([a, b])).chunk(2)
        fake_a, same_a = self.to_a(torch.cat([b, a])).chunk(2)
        return fake_a, fake_b, (same_a - a).abs().mean() + (same_b - b).abs().mean()

    def _teach_translators(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        config = self.config
        with frozen(self.d_a, self.d_b), self.autocast():
            fake_a, fake_b, identity = self._translate(a, b)
            cycle = (self.to_a(fake_b) - a).abs().mean() + (self.to_b(fake_a) - b).abs().mean()
            loss = config.cycle_coef * cycle + config.identity_coef * config.cycle_coef * identity
            metrics = {"loss_cycle": cycle.detach()}
            if config.identity_coef and config.cycle_coef:
                metrics["loss_identity"] = identity.detach()
            if config.gan_coef:
                fooled = generator_loss(self._judge(self.d_a, fake_a), config.loss)
                fooled = fooled + generator_loss(self._judge(self.d_b, fake_b), config.loss)
                loss = loss + config.gan_coef * fooled
                metrics["loss_g"] = fooled.detach()
        self.descend(self.optimizers["g"], loss)
        return fake_a, fake_b, metrics

    def _teach_discriminators(self, a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor) -> Tensor:
        """Halved, as published: the discriminators learn half as fast."""
        loss, total = self.config.loss, torch.zeros((), device=self.device)
        with self.autocast():
            for judge, real, fake, pool in ((self.d_a, a, fake_a, self.pool_a), (self.d_b, b, fake_b, self.pool_b)):
                on_real, on_fake = self._judge(judge, torch.cat([real, pool.swap(fake)])).chunk(2)
                total = total + real_loss(on_real, loss) + fake_loss(on_fake, loss)
        self.descend(self.optimizers["d"], total / 2)
        return total.detach() / 2

    def _judge(self, judge: nn.Module, images: Tensor) -> Tensor:
        return judge(diff_augment(images, self.config.diff_augment, self.generator))
