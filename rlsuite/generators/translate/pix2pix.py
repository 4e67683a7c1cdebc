"""Pix2pix: pictures that belong together; a U-Net draws, a patch discriminator judges input and output together.

Reference: Isola, Zhu, Zhou & Efros 2017, arXiv:1611.07004, equation 4.
Deviation: no dropout when it translates, so that the same input gives the same picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Device
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.gan.losses import fake_loss, generator_loss, real_loss
from rlsuite.generators.images import check_images
from rlsuite.generators.streams import seeded_weights
from rlsuite.generators.training import frozen
from rlsuite.generators.translate.base import Translator, TranslatorState
from rlsuite.generators.translate.config import Pix2PixConfig
from rlsuite.generators.translate.networks import NoiseDropout, PatchDiscriminator, UNet, edges_of


class Pix2Pix(Translator):
    """Transforms drawings of edges (or the set's first domain) into pictures.

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "pix2pix"
    config_class = Pix2PixConfig

    def __init__(self, config: Pix2PixConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        with seeded_weights(seed, self.kind):
            self.to_b = UNet(config.size, config.channels, config.width, config.dropout)

    def networks(self) -> Mapping[str, nn.Module]:
        """The U-Net."""
        return {"to_b": self.to_b}

    def translator(self, to: str) -> nn.Module:
        """The U-Net."""
        return self.to_b

    def inputs(self, data: ImageSet) -> Tensor:
        """Edges of the pictures, or the first domain."""
        return edges_of(data.floats()) if self.config.source == "edges" else data.floats()

    def targets(self, data: ImageSet) -> Tensor:
        """What the inputs shall become, in [0, 1]."""
        if self.config.source == "edges":
            return data.floats()
        assert data.partners is not None
        return data.partners.float() / 255

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> Pix2PixState:
        """Begin training.

        Raises:
            UserError: The set's pictures do not belong together, or are of another size.
        """
        data.require(self.spec)
        if self.config.source == "partners" and not (data.partners is not None and data.aligned):
            raise UserError(f"pix2pix with source: partners learns from pairs; {data.id} has none that belong together")
        return Pix2PixState(self.to(device), data, seed=seed, device=device)

    def own_scores(self, data: ImageSet, held_out: ImageSet, seed: int) -> dict[str, Any]:
        """Distance of held-out translations to the truth, and of the untranslated input, mean L1 in [0, 1]."""
        if not len(held_out):
            return {}
        given, truth = self.inputs(held_out), self.targets(held_out)
        check_images(truth)
        made = self.transform(given)
        return {"l1_to_b": float((made - truth).abs().mean()), "l1_untranslated": float((given - truth).abs().mean())}


class Pix2PixState(TranslatorState):
    """A pix2pix' training.

    Args:
        model: The generator; its weights follow.
        data: What is learned from.
        seed: Of batches and dropout.
        device: Where to compute.
    """

    config: Pix2PixConfig

    def __init__(self, model: Pix2Pix, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(model.config, data, seed=seed, device=device)
        config = self.config
        both = torch.cat([model.inputs(data), model.targets(data)], dim=1)
        self.images = both.mul(255).round().to(torch.uint8).to(self.device)  # side by side: turned and cut alike
        self.to_b = self.train_beside(model.to_b, "to_b")
        for module in self.to_b.modules():
            if isinstance(module, NoiseDropout):
                module.generator = self.generator
        with seeded_weights(seed, "discriminators"):
            judge = PatchDiscriminator(2 * config.channels, config.width, config.discriminator_layers, config.size)
            self.d = self.add("d", judge)
        self.adam("g", self.to_b.parameters(), config.learning_rate)
        self.adam("d", self.d.parameters(), config.discriminator_learning_rate or config.learning_rate)

    def step(self) -> Mapping[str, Tensor | float]:
        """The discriminator once, then the translator once."""
        rate, loss = self.set_rate(), self.config.loss
        given, truth = self.real().chunk(2, dim=1)
        with self.autocast():
            made = self.to_b(given)
            on_real, on_fake = self._judge(given, truth), self._judge(given, made.detach())
            loss_d = (real_loss(on_real, loss) + fake_loss(on_fake, loss)) / 2
        self.descend(self.optimizers["d"], loss_d)
        with frozen(self.d), self.autocast():
            distance = (made - truth).abs().mean()
            fooled = generator_loss(self._judge(given, made), loss)
            total = self.config.gan_coef * fooled + self.config.l1_coef * distance
        self.descend(self.optimizers["g"], total)
        self.end_step()
        metrics = {"loss_d": loss_d.detach(), "loss_g": fooled.detach(), "loss_l1": distance.detach()}
        return {**metrics, "learning_rate": rate}

    def _judge(self, given: Tensor, shown: Tensor) -> Tensor:
        return self.d(torch.cat([given, shown], dim=1))
