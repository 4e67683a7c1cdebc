"""What every training of a generator needs: batches in random order, averaged weights, one state for all of it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.errors import DataError, UserError
from rlsuite.generators.augment import augment
from rlsuite.generators.config import AugmentConfig, GanConfig, GeneratorConfig
from rlsuite.generators.contracts import FitState
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.runs.seeding import torch_stream
from rlsuite.runs.statetree import StateTree, generator_state, load_generator_state


class Batches:
    """Minibatches of rows: every row once before any comes twice.

    Args:
        n: Rows there are.
        batch_size: Rows of a batch; more than ``n`` draws with replacement.
        generator: Decides the order.
    """

    def __init__(self, n: int, batch_size: int, generator: torch.Generator) -> None:
        if n < 1:
            raise UserError("there is no image to learn from: the set is empty")
        self.n, self.batch_size, self.generator = n, batch_size, generator
        self.order, self.position = torch.empty(0, dtype=torch.long), 0

    def rows(self) -> Tensor:
        """The next batch's row numbers."""
        if self.batch_size > self.n:
            return torch.randint(self.n, (self.batch_size,), generator=self.generator, device=self.generator.device)
        if self.position + self.batch_size > len(self.order):
            self.order, self.position = self._shuffled(), 0
        self.position += self.batch_size
        return self.order[self.position - self.batch_size : self.position]

    def _shuffled(self) -> Tensor:
        return torch.randperm(self.n, generator=self.generator, device=self.generator.device)

    def state_dict(self) -> StateTree:
        """Order and position; the generator's state is kept by whoever owns it."""
        return {"order": self.order, "position": self.position}

    def load_state_dict(self, tree: StateTree) -> None:
        """Bring `state_dict` back."""
        self.order, self.position = tree["order"].to(self.generator.device), tree["position"]


class Ema:
    """A network's exponentially averaged copy, normalisation statistics included.

    Args:
        network: The one that trains.
        average: The one that samples; overwritten.
        decay: Share of the old average that stays; the first steps use less, so that the start is forgotten.
    """

    def __init__(self, network: nn.Module, average: nn.Module, decay: float) -> None:
        self.network, self.average, self.decay = network, average, decay
        new, old = network.state_dict(), average.state_dict()
        pairs = [(new[key], value) for key, value in old.items()]
        self._averaged = [pair for pair in pairs if pair[1].is_floating_point()]
        self._counted = [pair for pair in pairs if not pair[1].is_floating_point()]

    @torch.no_grad()
    def update(self, n_steps: int) -> None:
        """Take in the network after its ``n_steps``-th step."""
        decay = min(self.decay, (1 + n_steps) / (10 + n_steps))
        old, new = [old for _, old in self._averaged], [new for new, _ in self._averaged]
        torch._foreach_lerp_(old, new, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        for count, kept in self._counted:
            kept.copy_(count)


class NetworkState(FitState):
    """A training made of networks, optimisers and random streams, saved and restored as one tree.

    Subclasses fill ``networks``, ``optimizers`` and ``parts`` and write `step`.

    Args:
        config: The generator's section.
        data: What is learned from.
        seed: Of batches and noise.
        device: Where to compute.

    Attributes:
        networks: Name to every network that trains or is averaged.
        optimizers: Name to optimiser.
        parts: Name to anything else with ``state_dict`` and ``load_state_dict``.
    """

    def __init__(self, config: GeneratorConfig, data: ImageSet, *, seed: int, device: str | torch.device) -> None:
        self.config: Any = config
        self.device = torch.device(device)
        self.generator = torch_stream(seed, "generator/training", self.device)
        self.images = data.images.to(self.device)
        self.batches = Batches(len(data), config.batch_size, self.generator)
        self.images_per_step = config.batch_size
        self.networks: dict[str, nn.Module] = {}
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        self.parts: dict[str, Any] = {"batches": self.batches}
        self.emas: list[Ema] = []

    def real(self, rows: Tensor | None = None, images: Tensor | None = None) -> Tensor:
        """The next training images, augmented, in [-1, 1]."""
        rows = self.batches.rows() if rows is None else rows
        chosen = (self.images if images is None else images)[rows].float().div_(127.5).sub_(1)
        return augment(chosen, self._augmentation, self.generator)

    @property
    def _augmentation(self) -> AugmentConfig:
        return self.config.augment

    def train_beside(self, network: nn.Module, name: str) -> nn.Module:
        """Register a copy of ``network`` that trains while ``network`` itself holds the average."""
        trained = copy.deepcopy(network).train()
        self.networks[name] = trained
        self.networks[f"{name}_average"] = network
        self.emas.append(Ema(trained, network, self.config.ema_decay))
        return trained

    def add(self, name: str, network: nn.Module) -> nn.Module:
        """Register a network that only trains."""
        self.networks[name] = network.to(self.device).train()
        return network

    def adam(self, name: str, parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        """Register an Adam optimiser with the section's momentum."""
        config: GanConfig = self.config
        self.optimizers[name] = torch.optim.Adam(parameters, learning_rate, betas=(config.beta1, 0.999), fused=True)
        return self.optimizers[name]

    def train_pair(
        self, decoder: nn.Module, judge: nn.Module, judge_name: str = "judge"
    ) -> tuple[nn.Module, nn.Module]:
        """Register a generator, which trains beside its average, and its discriminator; optimisers ``g`` and ``d``."""
        config: GanConfig = self.config
        g, d = self.train_beside(decoder, "decoder"), self.add(judge_name, judge)
        self.adam("g", g.parameters(), config.learning_rate)
        self.adam("d", d.parameters(), config.discriminator_learning_rate or config.learning_rate)
        return g, d

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """Mixed precision where it pays: bfloat16 on CUDA."""
        enabled = self.device.type == "cuda" and self.config.mixed_precision
        with torch.autocast(self.device.type, torch.bfloat16, enabled=enabled):
            yield

    def end_step(self) -> None:
        """Count the step and let the averages follow."""
        self.n_steps += 1
        for ema in self.emas:
            ema.update(self.n_steps)

    def descend(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        """One gradient step of one optimiser; gradients that reach other networks are dropped."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def descend_clipped(
        self, optimizer: torch.optim.Optimizer, loss: Tensor, network: nn.Module, largest: float
    ) -> Tensor:
        """`descend` with the norm of the network's gradient bounded by ``largest``; returns what it was, 0-d."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(network.parameters(), largest, foreach=True)
        optimizer.step()
        return norm.detach()

    def shared(self) -> list[Tensor]:
        """What beside the gradients must agree where several processes train together; changed in place."""
        return []

    def state_dict(self) -> StateTree:
        """Everything that going on bit for bit needs."""
        return {
            "n_steps": self.n_steps,
            "networks": {k: dict(v.state_dict()) for k, v in self.networks.items()},
            "optimizers": {k: v.state_dict() for k, v in self.optimizers.items()},
            "parts": {k: v.state_dict() for k, v in self.parts.items()},
            "generator": generator_state(self.generator),
        }

    def load_state_dict(self, tree: StateTree) -> None:
        """Bring `state_dict` back.

        Raises:
            DataError: It is of another generator.
        """
        try:
            for kind, owners in (("networks", self.networks), ("optimizers", self.optimizers), ("parts", self.parts)):
                _restore(owners, tree[kind])
            for optimizer in self.optimizers.values():
                _lay_out(optimizer)
            load_generator_state(self.generator, tree["generator"])
            self.n_steps = int(tree["n_steps"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise DataError(f"the checkpoint does not fit this experiment's generator: {error}") from error


def _restore(owners: Mapping[str, Any], trees: Mapping[str, Any]) -> None:
    for name, owner in owners.items():
        owner.load_state_dict(trees[name])


def _lay_out(optimizer: torch.optim.Optimizer) -> None:
    """Give restored moments their parameter's memory layout: the fused step walks both side by side."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter).copy_(value)


@contextlib.contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Parameters of these networks take no gradients inside: gradients only pass through."""
    for network in networks:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(True)
