"""The ``data`` section of an experiment with a generator. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from rlsuite.config.sections import DataConfig


class ImageSetConfig(DataConfig):
    """A set of images; the generator says at which size and with how many channels it wants them."""

    n_images: int | None = Field(default=None, ge=2)
    """At most this many, drawn evenly from the whole set; none: all."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How a picture that is not square becomes so: cut the longer side (``crop``), fill up the shorter with the
    background (``pad``), or distort."""
    background: tuple[int, int, int] = (255, 255, 255)
    """Colour (0 to 255 each) behind transparent pixels and beside padded ones."""
    held_out: float = Field(default=0.1, ge=0, lt=1)
    """Share that training never sees: the quality figures compare samples with it. Images of one group (a person,
    an emoji) stay together. 0: the figures compare with training images."""

    smoke: ClassVar[Mapping[str, Any]] = {"n_images": 64}


class EmojiConfig(ImageSetConfig):
    """Emoji with captions, drawn in one of two styles."""

    style: Literal["noto", "twemoji"] = "noto"
    """Google's or Twitter's drawings; the same emoji have the same names."""
    groups: tuple[str, ...] = ()
    """Only these groups, for example ``Animals & Nature``; none: all but flags and symbols."""
    skin_tones: bool = False
    """Also the variants with other skin tones; captions name the tone."""
    hide_combinations: bool = False
    """With ``skin_tones``: whether about a quarter of the (emoji, tone) combinations never occurs: left to measure
    compositionality."""


class EmojiPairsConfig(ImageSetConfig):
    """The same emoji in two styles: noto as domain A, twemoji as domain B."""

    groups: tuple[str, ...] = ()
    """Only these groups; none: all but flags and symbols."""
    aligned: bool = False
    """Whether training may see which pictures belong together (pix2pix); scores always do."""


class ShapesConfig(ImageSetConfig):
    """Coloured shapes with captions and labels, drawn on the spot: no download."""

    n_shapes: int = Field(default=2000, ge=2)
    """How many pictures are drawn."""
    hide_combinations: bool = False
    """Whether a quarter of the (colour, shape) combinations never occurs: they are left to measure compositionality."""


class PairedFoldersConfig(ImageSetConfig):
    """Two folders: domain A in ``path``, domain B in ``path_b``."""

    path_b: str = Field(min_length=1)
    """Folder of domain B; relative ones are looked up beside ``path``."""
    aligned: bool = False
    """Whether files of the same name show the same."""


class FilmsConfig(ImageSetConfig):
    """A set of films."""

    n_frames: int | None = Field(default=None, ge=2)
    """Frames of a film; none: as many as the generator draws."""


class ClipsConfig(FilmsConfig):
    """Films: each folder below ``path`` holds the frames of one recording, in the order of their names."""

    stride: int = Field(default=1, ge=1)
    """Every how manieth frame is taken."""
    hop: int | None = Field(default=None, ge=1)
    """Frames from the beginning of one film to that of the next; none: films do not overlap."""


class MovingShapesConfig(FilmsConfig):
    """Films of one coloured shape that moves over a background that stands still, drawn on the spot: no download."""

    n_films: int = Field(default=1000, ge=2)
    """How many films are drawn."""

    smoke: ClassVar[Mapping[str, Any]] = {"n_films": 32}


class TilesConfig(ImageSetConfig):
    """Square tiles cut out of larger pictures at their own resolution, each distinct one once."""

    shrink: int = Field(default=1, ge=1, le=16)
    """Pictures are made smaller by this whole number before they are cut."""
    offset: tuple[int, int] = (0, 0)
    """Where the grid begins (down, right), pixels."""
