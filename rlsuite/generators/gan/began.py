"""BEGAN: the discriminator is an autoencoder, and a balance k holds generator and discriminator level.

Reference: Berthelot, Schumm & Metz 2017, arXiv:1703.10717, equations 4 to 6.
Deviation: the weights that sample are an exponential average (``ema_decay: 0`` turns that off).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.generators.augment import diff_augment
from rlsuite.generators.contracts import Device
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.gan.began_networks import BeganAutoencoder, BeganDecoder, set_carry
from rlsuite.generators.gan.config import BeganConfig
from rlsuite.generators.gan.decoder import CHUNK, LatentDecoder
from rlsuite.generators.images import check_images
from rlsuite.generators.streams import noise, seeded_weights
from rlsuite.generators.training import NetworkState, frozen
from rlsuite.runs.statetree import StateTree


class Began(LatentDecoder):
    """Samples and decodes; ranks images by how well its autoencoder rebuilds them.

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "began"
    config_class = BeganConfig

    def __init__(self, config: BeganConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        shape = (config.size, config.channels, config.width, config.layers)
        options = {"skip": config.skip, "carry": config.residual_steps > 0}
        with seeded_weights(seed, self.kind):
            self.decoder = BeganDecoder(config.latent, *shape, **options)
            self.judge = BeganAutoencoder(config.hidden, *shape, **options)

    def networks(self) -> Mapping[str, nn.Module]:
        """Generator and autoencoder: the second ranks."""
        return {"decoder": self.decoder, "judge": self.judge}

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> BeganState:
        """Begin training.

        Raises:
            UserError: The images are of another size.
        """
        data.require(self.spec)
        return BeganState(self.to(device), data, seed=seed, device=device)

    def decode(self, latent: Tensor) -> Tensor:
        """Images in [0, 1] of latent vectors; what the linear output draws beyond is cut."""
        return super().decode(latent).clamp(0, 1)

    @torch.no_grad()
    def score(self, images: Tensor, condition: Any = None) -> Tensor:
        """Minus the mean absolute error (in [-1, 1] units) of each image rebuilt; (n,) on the CPU."""
        check_images(images, size=self.spec.size, channels=self.spec.channels)
        if not len(images):
            return torch.empty(0)
        self.judge.eval()
        found = []
        for part in images.split(CHUNK):
            part = part.to(self.device) * 2 - 1
            found.append(-(part - self.judge(part)).abs().mean(dim=(1, 2, 3)).cpu())
        return torch.cat(found)


class Equilibrium:
    """The balance k, and how far training has converged. Tensors throughout: no step waits for the device.

    Args:
        gamma: L(G(z)) / L(x) to hold.
        rate: Of k's correction.
        device: Where losses lie.
    """

    def __init__(self, gamma: float, rate: float, device: Device) -> None:
        self.gamma, self.rate = gamma, rate
        self.k = torch.zeros((), device=device)

    def update(self, loss_real: Tensor, loss_fake: Tensor) -> Tensor:
        """Correct k by the balance of the losses (equation 5's third line) and return M (equation 6)."""
        balance = self.gamma * loss_real - loss_fake
        self.k = (self.k + self.rate * balance).clamp(0, 1)
        return loss_real + balance.abs()

    def state_dict(self) -> StateTree:
        """The balance."""
        return {"k": self.k}

    def load_state_dict(self, tree: StateTree) -> None:
        """Bring `state_dict` back."""
        self.k = tree["k"].to(self.k.device)


class BeganState(NetworkState):
    """A BEGAN's training.

    Args:
        model: The generator; its weights follow.
        data: What is learned from.
        seed: Of batches and noise.
        device: Where to compute.
    """

    config: BeganConfig

    def __init__(self, model: Began, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(model.config, data, seed=seed, device=device)
        self.g = self.train_beside(model.decoder, "decoder")
        self.d = self.add("judge", model.judge)
        self.adam("g", self.g.parameters(), self.config.learning_rate)
        self.adam("d", self.d.parameters(), self.config.learning_rate)
        self.balance = Equilibrium(self.config.gamma, self.config.k_rate, self.device)
        self.parts["balance"] = self.balance

    def step(self) -> Mapping[str, Tensor | float]:
        """Judge, then generator against the judge that has moved, on the same generated images.

        One gradient of L(G(z)) could move both from where they stand, a quarter faster; samples end worse.
        """
        self.d.train()
        rate = self._set_schedules()
        real = self.real()
        with self.autocast():
            fake = self.g(noise((len(real), self.config.latent), self.config.prior, self.generator))
            loss_real, loss_fake = self._rebuilt(real), self._rebuilt(fake.detach())
        self.descend(self.optimizers["d"], loss_real - self.balance.k * loss_fake)
        with frozen(self.d), self.autocast():
            loss_g = self._rebuilt(fake)
        self.descend(self.optimizers["g"], loss_g)
        convergence = self.balance.update(loss_real.detach(), loss_fake.detach())
        self.end_step()
        self._carry()
        return {
            "loss_d": loss_real.detach(),
            "loss_g": loss_g.detach(),
            "k": self.balance.k,
            "convergence": convergence,
            "learning_rate": rate,
        }

    def shared(self) -> list[Tensor]:
        """The balance: each process sees other images."""
        return [self.balance.k]

    def _rebuilt(self, images: Tensor) -> Tensor:
        """L(x): mean absolute error of the images rebuilt."""
        seen = diff_augment(images, self.config.diff_augment, self.generator)
        return (seen - self.d(seen)).abs().mean()

    def _set_schedules(self) -> float:
        config = self.config
        halved = config.learning_rate * 0.5 ** (self.n_steps // config.halve_every)
        rate = max(halved, min(config.learning_rate, config.learning_rate_floor))
        for optimizer in self.optimizers.values():
            optimizer.param_groups[0]["lr"] = rate
        return rate

    def _carry(self) -> None:
        """Let the residuals fade; the average shows the same network as the one that trains."""
        if self.config.residual_steps:
            value = max(0.0, 1.0 - self.n_steps / self.config.residual_steps)
            for network in self.networks.values():
                set_carry(network, value)
