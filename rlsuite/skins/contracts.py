"""What a skin is: slots to fill, pictures in them, and the promise that the dynamics stay.

A *slot* is one picture of a level (a wall texture, a tile, the sky). A *look* gives a picture for every slot. A
*tailor* knows one engine: which slots a level has and how looks get into it. Levels are known by what they offer
(the protocols below), never by their module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rlsuite.skins.checking import Report

Pixels = NDArray[np.uint8]
"""A picture, uint8 (height, width, 4): red, green, blue, alpha."""
Look = Mapping[str, Pixels]
"""A picture for every slot."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One picture of a level.

    Attributes:
        name: Unique in its level.
        original: What the level shows there, uint8 (height, width, 4).
        kind: ``wall``, ``flat``, ``sprite``, ``tile``, ``sky``, ``floor`` or ``body``.
        palette: The colours that the engine has there, (n, 3) uint8; None for any.
        alpha: Whether the picture has holes. A skin keeps them: what is solid stays solid to the eye.
        seamless: Whether opposite edges meet on the screen.
        group: Slots of one group are cut from one picture (frames of a creature); empty: the slot alone.
    """

    name: str
    original: Pixels
    kind: str
    palette: NDArray[np.uint8] | None = None
    alpha: bool = False
    seamless: bool = True
    group: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.original.shape[0], self.original.shape[1]


@runtime_checkable
class Skin(Protocol):
    """A way for levels to look."""

    def slots(self, env: Any) -> Mapping[str, Slot]:
        """What of this level the skin paints."""
        ...

    def apply(self, env: Any) -> Any:
        """Let the level's episodes show it; returns the level."""
        ...

    def check(self, env: Any, actions: NDArray[Any]) -> Report:
        """Replay the same actions with and without it and compare the dynamics."""
        ...


class Tailor(Protocol):
    """Knows one engine."""

    engine: str

    def fits(self, env: Any) -> bool:
        """Whether the level runs on this engine."""
        ...

    def slots(self, env: Any) -> dict[str, Slot]:
        """What can be painted."""
        ...

    def wear(
        self, env: Any, looks: Sequence[Look], *, seed: int | None, every: int, choices: Sequence[int] | None = None
    ) -> None:
        """Let each episode draw one of the looks, of those numbered ``choices``; no looks: the level's own again.

        Call ``reset_all`` afterwards. To wear the same looks again with other choices is cheap.
        """
        ...


@runtime_checkable
class Proves(Protocol):
    """A level that shows what a skin must leave alone."""

    def proof_state(self) -> NDArray[Any]:
        """Memory, game variables or physics state, (n_envs, ...)."""
        ...


@runtime_checkable
class ShowsTiles(Protocol):
    """A level on the NES."""

    @property
    def own_tiles(self) -> Pixels:
        """The cartridge's picture ROM, (8192,) uint8."""
        ...

    def set_tile_sets(
        self, tile_sets: Pixels, choices: Sequence[int] | None = None, *, seed: int | None = None
    ) -> None:
        """Let every episode choose a tile set; set 0 is the game's own."""
        ...


class Art(Protocol):
    """Where a Doom level's pictures and map lie: game file, WAD with the map, name of the map."""

    @property
    def game(self) -> Path:
        """The game file."""
        ...

    @property
    def level(self) -> Path:
        """The WAD with the map."""
        ...

    @property
    def map(self) -> str:
        """The map's lump."""
        ...


@runtime_checkable
class ShowsWads(Protocol):
    """A level on a Doom engine."""

    @property
    def art_files(self) -> Art:
        """What it shows now."""
        ...

    @property
    def look_folder(self) -> Path:
        """Where WADs of looks may be written."""
        ...

    def set_looks(self, looks: Sequence[tuple[Path, str | None]], *, seed: int | None = None, every: int = 8) -> None:
        """Let every episode choose a WAD and map."""
        ...


@runtime_checkable
class ShowsTextures(Protocol):
    """A level whose pictures MuJoCo draws."""

    model: Any

    def set_textures(self, looks: Sequence[Mapping[int, Pixels]], *, seed: int | None = None) -> None:
        """Let the pictures of every episode show other textures."""
        ...
