"""The ``env`` section common to all levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rlsuite.config.base import FileRef, Section


class SkinConfig(Section):
    """What the level looks like: a pool of skins, of which every episode draws one."""

    packs: tuple[FileRef, ...] = Field(min_length=1)
    """Folders that `rlsuite skin make` wrote; their looks together are the pool."""
    pool: int | None = Field(default=None, ge=1)
    """Train on so many looks, taken from the packs in turn; none: all."""
    held_out: int = Field(default=0, ge=0)
    """The last so many looks of every pack are kept from training; evaluation and films show them."""
    test_packs: tuple[FileRef, ...] = ()
    """Packs that only evaluation and films show; none, and nothing held out: those of training."""
    every: int = Field(default=8, ge=1)
    """Episodes that a Doom engine keeps its look where a change starts it anew (sprites, the maps of the games);
    others change every episode, at no cost."""


class ObservationConfig(Section):
    """One transformation of what the agent sees, picture by picture; equal pictures are transformed once."""

    kind: Literal["translate", "dream", "complete", "film", "picture", "features", "render", "augment"]
    """``translate``: a translator's other domain; ``dream``: DeepDream; ``complete``: the lower part painted by a model
    that completes; ``film``, ``picture``: another background, the game in front of it; ``features``: what an encoder
    makes of the picture, a vector; ``render``: pictures of a level that has only numbers; ``augment``: random changes
    while training, not in evaluation."""
    generator: FileRef | None = None
    """Run (or bundle) of the generator: translator, model that completes, film model, encoder."""
    to: str | None = None
    """Direction of a translator (``a``, ``b``), layer of a dream (0 to 17), augmentation (``shift``, ``crop``,
    ``convolution``, ``overlay``)."""
    strength: float = Field(default=1.0, ge=0.0, le=1.0)
    """From the picture as it is (0) to the picture transformed (1)."""
    hidden: float = Field(default=0.5, gt=0.0, lt=1.0)
    """``complete``: share of the picture, its lower rows, that is painted anew."""
    path: FileRef | None = None
    """``picture``: the PNG to put behind; ``film``: a folder of them, in the order of their names, instead of a
    generator."""
    tolerance: int = Field(default=8, ge=0, le=127)
    """``film``, ``picture``: grey levels by which background may differ from a picture's commonest grey."""
    size: int = Field(default=84, ge=8, le=480)
    """``render``: side of the picture in pixels."""
    cache: int = Field(default=4096, ge=0)
    """Transformed pictures to keep; 0: none. Each takes as many bytes as a picture."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.kind == "film" and self.generator is None and self.path is None:
            raise ValueError("kind film needs a generator that makes films, or as path a folder of PNGs")
        if self.kind in ("translate", "complete", "features") and self.generator is None:
            raise ValueError(f"kind {self.kind} needs a generator: the folder of a run that trained one")
        if self.kind == "picture" and self.path is None:
            raise ValueError("kind picture needs a path: the PNG to put behind")
        return self


class EnvConfig(Section):
    """Which level, how many of it, how it is stepped."""

    id: str
    """Level id: ``mujoco/<Task>-v5``, ``doom/...``, ``mario/...``, ``gym/<id>``; `rlsuite ls levels` lists them."""
    n_envs: int = Field(default=16, ge=1, le=65536)
    """Environments stepped side by side, usually 8 to 64 on a CPU. More is faster per step and less
    data per environment between updates."""
    n_threads: int | None = Field(default=None, ge=1)
    """Threads that step them; none: the number of cores."""
    max_episode_steps: int | None = Field(default=None, ge=1)
    """Time limit in agent decisions; none: the level's own."""
    skin: SkinConfig | None = None
    """Generated pictures as the level's walls, tiles and textures; see docs/skins.md."""
    observation: tuple[ObservationConfig, ...] = ()
    """What is done to the pictures that the agent sees, one after the other; see docs/skins.md."""

    smoke: ClassVar[Mapping[str, Any]] = {"n_envs": 2, "max_episode_steps": 50}
