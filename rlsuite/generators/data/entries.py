"""Registers the sets of images."""

from __future__ import annotations

from rlsuite.registry import Registry

_SETS = {
    "folder": ("folder:make", "ImageSetConfig", "Any folder of pictures (PNG, JPEG, WebP, GIF); data.path names it."),
    "frames": ("folder:make", "ImageSetConfig", "Frames of our own levels: `rlsuite record RUN --frames DIR`."),
    "clips": ("folder:make_clips", "ClipsConfig", "Films cut out of folders of frames."),
    "paired-folders": ("folder:make_pairs", "PairedFoldersConfig", "Two folders as two domains, for translators."),
    "shapes": ("shapes:make", "ShapesConfig", "Coloured shapes with captions and labels, drawn on the spot (CC0)."),
    "shapes/moving": ("moving:make", "MovingShapesConfig", "Films of moving shapes, drawn on the spot (CC0)."),
    "tiles": ("tiles:make", "TilesConfig", "Tiles cut out of a folder's pictures, or of Freedoom's textures."),
    "freedoom/textures": ("freedoom:make", "ImageSetConfig", "Freedoom's flats and wall patches (BSD-3)."),
    "freedoom/sprites": ("freedoom:make", "ImageSetConfig", "Freedoom's creatures, items, weapons (BSD-3)."),
    "emoji": ("named:emoji", "EmojiConfig", "Emoji with captions, Noto or Twemoji style."),
    "emoji/pairs": ("named:emoji_pairs", "EmojiPairsConfig", "The same emoji as Noto and as Twemoji."),
    "dicebear": ("named:dicebear", "ImageSetConfig", "4,000 pixel characters with exact attributes (CC0)."),
    "orl-faces": ("named:orl_faces", "ImageSetConfig", "400 faces of 40 real people; local use only."),
    "fashion-mnist": ("named:fashion_mnist", "ImageSetConfig", "70,000 pictures of clothes (MIT)."),
}
_BRINGS = {"freedoom/textures": ("doom", "vizdoom"), "freedoom/sprites": ("doom", "vizdoom")}
FETCHED_AS = {"emoji/pairs": "emoji"}
"""Sets that are another set's files."""


def register(datasets: Registry) -> None:
    """Add every set that ships."""
    for id, (load, config, description) in _SETS.items():
        extra, module = _BRINGS.get(id, ("", ""))
        datasets.add(
            id,
            description,
            load=f"rlsuite.generators.data.{load}",
            config=f"rlsuite.generators.data.config:{config}",
            extra=extra,
            requires=(module,) if module else (),
            tags={"images": True, "fetched": FETCHED_AS.get(id, id)},
        )
