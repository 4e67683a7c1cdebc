"""The sets that were fetched, as images with captions and labels."""

from __future__ import annotations

import functools
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from rlsuite.errors import DataError
from rlsuite.generators.data.config import EmojiConfig, EmojiPairsConfig, ImageSetConfig
from rlsuite.generators.data.fetching import open_set
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.data.reading import Picture, gather

UNWANTED = ("Flags", "Symbols")
"""Groups left out unless asked for: flags and signs make a poor model."""
FASHION = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
TONES = {"1F3FB": "light", "1F3FC": "medium-light", "1F3FD": "medium", "1F3FE": "medium-dark", "1F3FF": "dark"}
IDX_HEADER = {3: 16, 1: 8}
"""Bytes before the values, by number of dimensions."""


def emoji(config: EmojiConfig, size: int, channels: int) -> ImageSet:
    """Emoji of one style; the caption is the CLDR name and keywords, the group is the emoji itself."""
    fetched = open_set("emoji")
    files = fetched.read()
    rows = _emoji_rows(files, config.groups, skin_tones=config.skin_tones, styles=(config.style,))
    rows = [row for row in rows if not (config.hide_combinations and row["hidden"])]
    pictures = [Picture(row["name"], _opener(files[f"{config.style}/{row['image']}"])) for row in rows]
    found = gather(pictures, config, size, channels)
    rows = [rows[i] for i in found.rows]
    return ImageSet(
        config.id,
        found.images,
        [row["name"] for row in rows],
        captions=[row["caption"] for row in rows],
        labels={key: [row[key] for row in rows] for key in ("group", "emoji", "tone")},
        licence=fetched.card["licence"],
        source=f"{config.style} emoji",
        problems=found.problems,
    )


def emoji_pairs(config: EmojiPairsConfig, size: int, channels: int) -> ImageSet:
    """Noto as domain A, Twemoji as domain B, in the same order."""
    fetched = open_set("emoji")
    files = fetched.read()
    rows = _emoji_rows(files, config.groups, skin_tones=False, styles=("noto", "twemoji"))
    both = [
        gather([Picture(r["name"], _opener(files[f"{s}/{r['image']}"])) for r in rows], config, size, channels)
        for s in ("noto", "twemoji")
    ]
    if both[0].rows != both[1].rows:
        raise DataError("data emoji/pairs: a picture of one style cannot be read; get the set anew")
    chosen = [rows[i] for i in both[0].rows]
    return ImageSet(
        config.id,
        both[0].images,
        [row["name"] for row in chosen],
        captions=[row["caption"] for row in chosen],
        partners=both[1].images,
        aligned=True,  # what training may use of it is the section's `aligned`
        licence=fetched.card["licence"],
        source="noto and twemoji emoji",
    )


def _emoji_rows(
    files: Mapping[str, bytes], groups: Sequence[str], *, skin_tones: bool, styles: Sequence[str]
) -> list[dict[str, str]]:
    annotations = json.loads(files["annotations.json"])["annotations"]["annotations"]
    rows = []
    for entry in json.loads(files["noto/emoji.json"]):
        if not (entry["category"] in groups if groups else entry["category"] not in UNWANTED):
            continue
        tones = entry.get("skin_variations", {}) if skin_tones else {}
        for number, (tone, variant) in enumerate({"": entry, **tones}.items()):
            if all(f"{style}/{variant['image']}" in files for style in styles):
                hidden = bool(tone) and (int(entry["unified"].partition("-")[0], 16) + 2 * number) % 4 == 0
                rows.append({**_emoji_row(entry, variant, tone, annotations), "hidden": "hidden" if hidden else ""})
    return rows


def _emoji_row(
    entry: Mapping[str, Any], variant: Mapping[str, Any], tone: str, annotations: Mapping[str, Any]
) -> dict[str, str]:
    character = "".join(chr(int(code, 16)) for code in entry["unified"].split("-"))
    found = annotations.get(character) or annotations.get(character.replace("\ufe0f", "")) or {}
    name = (found.get("tts") or [entry["name"].lower()])[0]
    words = [word for word in found.get("default", []) if word != name]
    shade = " and ".join(TONES.get(part, part) for part in tone.split("-")) if tone else ""
    name += f": {shade} skin tone" if shade else ""
    return {
        "name": f"{entry['unified']}#{variant['image']}",
        "image": variant["image"],
        "group": entry["category"],
        "emoji": entry["unified"],
        "tone": shade or "none",
        "caption": f"{name}; {', '.join(words)}" if words else name,
    }


def dicebear(config: ImageSetConfig, size: int, channels: int) -> ImageSet:
    """Characters drawn from DiceBear's pixel-art design, with every attribute that was drawn."""
    fetched = open_set("dicebear")
    files = fetched.read()
    extras = json.loads(files["labels.json"])
    names = sorted(extras)
    found = gather([Picture(n, _opener(files[f"{n}.png"])) for n in names], config, size, channels)
    names = [names[row] for row in found.rows]
    attributes = sorted({key for name in names for key in extras[name]})
    labels = {key: [str(extras[name].get(key) or "none") for name in names] for key in attributes}
    return ImageSet(
        config.id,
        found.images,
        names,
        labels=labels,
        licence=fetched.card["licence"],
        source="DiceBear pixel art",
        problems=found.problems,
    )


def orl_faces(config: ImageSetConfig, size: int, channels: int) -> ImageSet:
    """400 grey photographs of 40 people. For local use only: see the licence."""
    fetched = open_set("orl-faces")
    files = fetched.read()
    names = sorted(files, key=lambda name: [int(part) for part in name[1:-4].split("/")])
    pictures = [Picture(name.replace("/", "#"), _opener(files[name])) for name in names]
    found = gather(pictures, config, size, channels)
    chosen = [pictures[row].name for row in found.rows]
    return ImageSet(
        config.id,
        found.images,
        chosen,
        labels={"person": [name.partition("#")[0] for name in chosen]},
        licence=fetched.card["licence"],
        source="ORL (AT&T) database of faces",
        problems=found.problems,
    )


def fashion_mnist(config: ImageSetConfig, size: int, channels: int) -> ImageSet:
    """70,000 pictures of clothes, 28x28 grey, padded with black; training images first."""
    fetched = open_set("fashion-mnist")
    files = fetched.read()
    images = np.concatenate([_idx(files[f"{part}-images-idx3-ubyte.gz"], 3) for part in ("train", "t10k")])
    classes = np.concatenate([_idx(files[f"{part}-labels-idx1-ubyte.gz"], 1) for part in ("train", "t10k")])
    pictures = [Picture(str(i), functools.partial(Image.fromarray, image)) for i, image in enumerate(images)]
    found = gather(pictures, config, size, channels)
    return ImageSet(
        config.id,
        found.images,
        [pictures[row].name for row in found.rows],
        captions=[f"a {FASHION[classes[row]]}" for row in found.rows],
        labels={"class": [FASHION[classes[row]] for row in found.rows]},
        licence=fetched.card["licence"],
        source="Fashion-MNIST",
    )


def _idx(content: bytes, n_dims: int) -> np.ndarray:
    """A gzipped IDX file of bytes."""
    data = gzip.decompress(content)
    if data[:4] != bytes([0, 0, 8, n_dims]):
        raise DataError(f"data fashion-mnist: a file does not begin like IDX of {n_dims} dimensions; get it anew")
    shape = np.frombuffer(data, ">i4", n_dims, 4)
    return np.frombuffer(data, np.uint8, offset=IDX_HEADER[n_dims]).reshape(shape)


def _opener(content: bytes) -> Any:
    return lambda: Image.open(io.BytesIO(content))
