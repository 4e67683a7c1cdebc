"""Where skins, generators and levels are brought together: pictures to draw from, levels to draw on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rlsuite import skins
from rlsuite.config.schema import load_experiment
from rlsuite.envs.levels import make_vec
from rlsuite.envs.vector import VectorEnv
from rlsuite.errors import DataError
from rlsuite.generators.contracts import Generator, Spec
from rlsuite.runs.folder import RunFolder
from rlsuite.skins.observing import observe
from rlsuite.skins.pack import read_card

DREAM = "dream"


class Dreamer:
    """DeepDream as a generator that transforms; ``to`` names the layer of EfficientNet-Lite0."""

    spec = Spec(kind=DREAM, size=(64, 64), channels=3)

    def __init__(self, layer: int = 5, iterations: int = 4, octaves: int = 2) -> None:
        self.layer, self.iterations, self.octaves = layer, iterations, octaves
        self.provenance = {"data": "ImageNet (EfficientNet-Lite0)", "licence": "Apache-2.0"}

    def transform(self, images: Tensor, *, to: str | None = None, strength: float = 1.0) -> Tensor:
        """Each picture dreamt on."""
        from rlsuite.generators.dream.deepdream import dream, lite0_layer

        layer = lite0_layer(self.layer if to is None else int(to))
        with torch.enable_grad():
            made = [
                dream(image[None], layer, iterations=self.iterations, octaves=self.octaves).detach() for image in images
            ]
        return (images + strength * (torch.cat(made) - images)).clamp(0, 1) if made else images


def picture_source(name: str, runs: Path = Path("runs")) -> tuple[Any, dict[str, Any]]:
    """A generator by its run, its bundle or the word ``dream``, and what a pack says of where it comes from.

    Raises:
        UserError: There is no such run.
    """
    from rlsuite.experiment.generating import load_generator

    if name == DREAM:
        return Dreamer(), {}
    path = Path(name)
    if not path.exists() and (runs / name).exists():
        path = runs / name
    if (path / "checkpoint.json").is_file():
        generator = load_generator(path)
        return generator, {"weights": weights_hash(generator)}
    folder = RunFolder.find(path)
    generator = load_generator(folder.path)
    facts: dict[str, Any] = {"run": folder.path.name, "weights": weights_hash(generator)}
    try:
        manifest = folder.read_manifest()
    except DataError:
        return generator, facts
    return generator, facts | {key: manifest[key] for key in ("data", "data_licence", "data_source") if key in manifest}


def weights_hash(generator: Generator) -> str:
    """Names a generator by its weights, 16 hex digits."""
    found = hashlib.sha256()
    for network in generator.networks().values():
        for key, value in network.state_dict().items():
            found.update(key.encode())
            found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def present(env: VectorEnv, section: Any, *, test: bool, seed: int = 0) -> VectorEnv:
    """A level as its ``env.skin`` and ``env.observation`` say; it is closed if they cannot be had.

    Raises:
        UserError: A pack, picture or generator that does not fit.
    """
    try:
        env = skins.dress(env, section.skin, test=test, name=section.id)
        return observe(env, section.observation, picture_source, test=test, seed=seed) if section.observation else env
    except BaseException:
        env.close()
        raise


def find_packs(section: Any) -> None:
    """Look whether the packs of an ``env.skin`` section are there.

    Raises:
        DataError: One is not.
    """
    for path in (*section.packs, *section.test_packs):
        read_card(Path(path))


def level_for_looks(level: str, overrides: Sequence[str] = (), n_envs: int = 1) -> VectorEnv:
    """A level to draw on, with ``env.`` settings laid over its defaults."""
    tree = {"budget": {"env_steps": 1}, "env": {"id": level, "n_envs": n_envs}, "agent": {"learner": {"kind": "ppo"}}}
    section: Any = load_experiment({"name": "looks", **tree}, list(overrides)).experiment.env
    return make_vec(level, n_envs, seed=0, options=section, n_threads=1)
