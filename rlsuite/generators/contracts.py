"""The contract of a generator: what it is made of, how it learns, what it can be asked.

Images at the border are float32, N x C x H x W, in [0, 1] (C is 1, 3 or 4); films N x T x C x H x W. A model
converts inside. What a generator can do is what protocols it satisfies: ``isinstance(g, Completes)`` is the query.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from rlsuite.errors import DataError, UserError
from rlsuite.generators.config import GeneratorConfig
from rlsuite.runs.checkpoint import load_checkpoint, read_header, save_checkpoint
from rlsuite.runs.statetree import StateTree

if TYPE_CHECKING:
    from rlsuite.generators.data.imageset import ImageSet

Device = str | torch.device
PART = "generator"
"""The part of a checkpoint that holds a generator's networks; a bundle is a checkpoint with that part alone."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a generator's images are.

    Attributes:
        kind: Its id in the registry.
        size: Height and width in pixels.
        channels: 1, 3 or 4.
        condition: What `Samples.sample` wants beside a seed.
        n_frames: Frames of a film, or None for still images.
        latent: Length of a latent vector, or None.
    """

    kind: str
    size: tuple[int, int]
    channels: int
    condition: Literal["none", "text", "label", "image"] = "none"
    n_frames: int | None = None
    latent: int | None = None


@dataclass(frozen=True, slots=True)
class FitReport:
    """What `Generator.fit` did.

    Attributes:
        n_steps: Gradient steps in all, earlier ones included.
        seconds: Of this call.
        metrics: Of the last step.
    """

    n_steps: int
    seconds: float
    metrics: Mapping[str, float]


class FitState(ABC):
    """A training in progress. The run owns the loop; this knows one step and its whole state.

    Attributes:
        n_steps: Gradient steps taken so far.
        images_per_step: Training images a step looks at.
    """

    n_steps: int = 0
    images_per_step: int = 1

    @abstractmethod
    def step(self) -> Mapping[str, Tensor | float]:
        """Take one step (all networks once) and return its metrics, names without prefix."""

    @abstractmethod
    def state_dict(self) -> StateTree:
        """Everything that going on bit for bit needs: networks, optimisers, schedules, random streams."""

    @abstractmethod
    def load_state_dict(self, tree: StateTree) -> None:
        """Bring `state_dict` back."""


class Generator(ABC):
    """A generative image model: `spec`, `fit`, `save`, `load`, and the capabilities it claims.

    Args:
        config: Its section.
        seed: Of the initial weights.

    Attributes:
        config: Its section.
        device: Where it computes.
        provenance: Where its weights come from (data, licence, seed, steps): plain data, saved with it.
    """

    kind: ClassVar[str]
    config_class: ClassVar[type[GeneratorConfig]]

    def __init__(self, config: GeneratorConfig, *, seed: int = 0) -> None:
        self.config: Any = config
        self.device = torch.device("cpu")
        self.provenance: dict[str, Any] = {}

    @property
    @abstractmethod
    def spec(self) -> Spec:
        """What its images are."""

    @abstractmethod
    def networks(self) -> Mapping[str, nn.Module]:
        """The networks that sampling needs (not those that only train)."""

    @abstractmethod
    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> FitState:
        """Begin (or go on with) training on ``data``.

        Raises:
            UserError: The data do not suit this generator.
        """

    def fit(
        self,
        data: ImageSet,
        *,
        n_steps: int | None = None,
        seconds: float | None = None,
        seed: int = 0,
        device: Device = "cpu",
        on_step: Callable[[int, Mapping[str, Tensor | float]], None] | None = None,
    ) -> FitReport:
        """Train until ``n_steps`` or ``seconds``, whichever comes first; runs do the same with checkpoints.

        Raises:
            UserError: Neither limit was given, or the data do not suit.
        """
        if n_steps is None and seconds is None:
            raise UserError(f"{self.kind}.fit: give n_steps or seconds, or it would never end")
        state, began, metrics = self.fit_state(data, seed=seed, device=device), time.perf_counter(), {}
        while (n_steps is None or state.n_steps < n_steps) and (
            seconds is None or time.perf_counter() - began < seconds
        ):
            metrics = state.step()
            if on_step is not None:
                on_step(state.n_steps, metrics)
        return FitReport(state.n_steps, time.perf_counter() - began, {k: float(v) for k, v in metrics.items()})

    def preview(self, data: ImageSet | None, *, n: int = 16, seed: int = 0) -> Tensor:
        """Images that show where training stands, always from the same seed.

        Raises:
            UserError: It cannot sample and has no preview of its own.
        """
        if not isinstance(self, Samples):
            raise UserError(f"{self.kind} has no preview: it does not sample")
        return self.sample(n, seed=seed)

    def to(self, device: Device) -> Self:
        """Move its networks."""
        self.device = torch.device(device)
        for network in self.networks().values():
            network.to(self.device)
        return self

    def state_dict(self) -> StateTree:
        """The networks' weights and the provenance."""
        weights = {name: dict(network.state_dict()) for name, network in self.networks().items()}
        return {"weights": weights, "provenance": dict(self.provenance)}

    def load_state_dict(self, tree: StateTree) -> None:
        """Bring `state_dict` back.

        Raises:
            DataError: It is of another generator or size.
        """
        try:
            for name, network in self.networks().items():
                network.load_state_dict(tree["weights"][name])
        except (KeyError, RuntimeError) as error:
            raise DataError(f"these weights do not fit a {self.kind} of this configuration: {error}") from error
        self.provenance = dict(tree["provenance"])

    def card(self) -> dict[str, Any]:
        """What a bundle says about itself, as plain data."""
        return {"kind": self.kind, "config": self.config.model_dump(mode="json"), "spec": asdict(self.spec)}

    def save(self, folder: str | Path) -> None:
        """Write the bundle: weights (safetensors) and card (JSON), complete or not at all.

        Raises:
            RunError: It cannot be written.
        """
        save_checkpoint(Path(folder), {PART: self.state_dict()}, meta={"card": self.card()})

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a bundle that `save` wrote.

        Raises:
            DataError: It is broken, or of another kind.
        """
        card = read_card(folder)
        if card["kind"] != cls.kind:
            raise DataError(f"{folder} holds a {card['kind']}, not a {cls.kind}; use rlsuite.generators.load")
        generator = cls(cls.config_class.model_validate(card["config"]))
        generator.load_state_dict(load_checkpoint(Path(folder), [PART])[PART])
        return generator


def read_card(folder: str | Path) -> dict[str, Any]:
    """The card of a bundle.

    Raises:
        DataError: It is no bundle.
    """
    header = read_header(Path(folder))
    if "card" not in header or PART not in header["parts"]:
        raise DataError(f"{folder} is no generator's bundle: it has no card")
    return header["card"]


@runtime_checkable
class Samples(Protocol):
    """Makes images from a seed."""

    def sample(self, n: int, *, seed: int, condition: Any = None, temperature: float | None = None) -> Tensor:
        """N images (or films). ``condition`` is what `Spec.condition` says; temperature 1 is the trained spread."""
        ...


@runtime_checkable
class Decodes(Protocol):
    """Makes images from latent vectors: interpolation, grids and arithmetic come for free."""

    def latent(self, n: int, seed: int) -> Tensor:
        """N latent vectors of the prior, (n, latent) float32."""
        ...

    def decode(self, latent: Tensor) -> Tensor:
        """Their images. Differentiable with respect to ``latent``."""
        ...


@runtime_checkable
class Encodes(Protocol):
    """Turns images into latents, codes or features."""

    def encode(self, images: Tensor) -> Tensor:
        """What stands for each image, (n, ...)."""
        ...


@runtime_checkable
class Completes(Protocol):
    """Fills in what is missing of an image."""

    def complete(self, images: Tensor, known: Tensor, *, n: int, seed: int) -> Tensor:
        """N completions of each image, (N * n, C, H, W). ``known`` (N, 1, H, W) is 1 where pixels are given."""
        ...


@runtime_checkable
class Transforms(Protocol):
    """Turns images into other images."""

    def transform(self, images: Tensor, *, to: str | None = None, strength: float = 1.0) -> Tensor:
        """The images transformed. ``to`` names a direction, layer or style; strength 0 leaves them."""
        ...


@runtime_checkable
class Edits(Protocol):
    """Changes images under constraints (colour, edge, warp, nearness)."""

    def edit(self, start: Tensor, constraints: Any, *, n: int, seed: int) -> Any:
        """N candidates, best first."""
        ...


@runtime_checkable
class Ranks(Protocol):
    """Scores images."""

    def score(self, images: Tensor, condition: Any = None) -> Tensor:
        """One number an image, (N,) float32; higher is better."""
        ...


CAPABILITIES: Mapping[str, type] = {
    "samples": Samples,
    "decodes": Decodes,
    "encodes": Encodes,
    "completes": Completes,
    "transforms": Transforms,
    "edits": Edits,
    "ranks": Ranks,
}


def capabilities(generator: object) -> list[str]:
    """The names of the protocols that it satisfies."""
    return [name for name, protocol in CAPABILITIES.items() if isinstance(generator, protocol)]
