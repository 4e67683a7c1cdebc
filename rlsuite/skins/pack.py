"""Asset packs: a folder of PNGs and a ``pack.json`` that says what they are and where they come from.

A pack may come from a stranger. It is data: every file is named in ``pack.json`` with its hash, must lie in the folder
itself, and is opened as a PNG of a bounded size and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rlsuite.errors import DataError, UserError
from rlsuite.skins.contracts import Look, Pixels, Slot

FORMAT = 1
CARD = "pack.json"
MOST_FILES = 100_000
MOST_CARD_BYTES = 64 << 20
MOST_FILE_BYTES = 8 << 20
MOST_SIDE = 2048
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*(\.[A-Za-z0-9]+)?")


@dataclass(frozen=True)
class AssetPack:
    """Looks for the slots of a level.

    Attributes:
        level: The level they were made for.
        engine: Its engine.
        looks: One or more, each with the same slots.
        provenance: Generator, seed, data hash, licence and dial, as plain data.
    """

    level: str
    engine: str
    looks: Sequence[Look]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.looks)

    def digest(self, k: int) -> str:
        """Names look k by its pictures: equal looks have equal digests, whatever pack they lie in."""
        found = hashlib.sha256()
        for name, picture in sorted(self.looks[k].items()):
            found.update(f"{name} {picture.shape}".encode())
            found.update(np.ascontiguousarray(picture).tobytes())
        return found.hexdigest()[:16]

    def part(self, where: slice) -> AssetPack:
        """Some of its looks."""
        return AssetPack(self.level, self.engine, list(self.looks)[where], self.provenance)

    def save(self, folder: str | Path) -> Path:
        """Write it, complete or not at all.

        Raises:
            UserError: The folder holds something else, or cannot be written.
        """
        folder = Path(folder)
        if folder.exists() and any(folder.iterdir()) and not (folder / CARD).is_file():
            raise UserError(f"{folder} is not empty and no pack; name a new folder for it")
        aside = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir(parents=True)
            entries = [self._write_look(aside, k) for k in range(len(self))]
            card = {"format": FORMAT, "level": self.level, "engine": self.engine, "provenance": dict(self.provenance)}
            (aside / CARD).write_text(json.dumps({**card, "looks": entries}, indent=1) + "\n")
            if folder.exists():
                shutil.rmtree(folder)
            aside.rename(folder)
        except OSError as error:
            raise UserError(f"{folder}: the pack could not be written: {error}") from error
        return folder

    def _write_look(self, folder: Path, k: int) -> dict[str, Any]:
        from PIL import Image

        entries = {}
        for number, (name, picture) in enumerate(sorted(self.looks[k].items())):
            plain = re.sub(r"[^A-Za-z0-9_+-]", "-", name)
            file = f"{k:03d}-{number:04d}-{plain}.png"
            Image.fromarray(picture).save(folder / file)
            content = (folder / file).read_bytes()
            entries[name] = {
                "file": file,
                "size": list(picture.shape[:2]),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        return entries


def load_pack(folder: str | Path) -> AssetPack:
    """Read a pack and check all that can be checked without its level.

    Raises:
        DataError: No pack, or a broken or hostile one: paths that lead out, links, wrong sizes, other file types,
            pictures that differ from their hash. The message names the file.
    """
    folder = Path(folder)
    card = read_card(folder)
    looks = [_read_look(folder, k, entries) for k, entries in enumerate(card["looks"])]
    for k, look in enumerate(looks):
        if missing := looks[0].keys() ^ look.keys():
            raise DataError(f"{folder}: look {k} has other slots than look 0: {', '.join(sorted(missing)[:5])}")
    return AssetPack(str(card["level"]), str(card["engine"]), looks, dict(card.get("provenance", {})))


def read_card(folder: Path) -> dict[str, Any]:
    """What a pack says of itself, without its pictures.

    Raises:
        DataError: There is no pack, or its card is broken.
    """
    path = folder / CARD
    if not path.is_file() or path.is_symlink():
        raise DataError(f"{folder} is no pack: it has no {CARD}. `rlsuite skin make` writes one.")
    if path.stat().st_size > MOST_CARD_BYTES:
        raise DataError(f"{path} has {path.stat().st_size} bytes; at most {MOST_CARD_BYTES} are read")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else type(card).__name__
        raise DataError(f"{path}: format {FORMAT} is wanted, found {found}")
    looks: Any = card.get("looks")
    whole = isinstance(looks, list) and looks and all(isinstance(look, dict) and look for look in looks)
    if not whole or not all(isinstance(card.get(key), str) for key in ("level", "engine")):
        raise DataError(f"{path}: level, engine and at least one look with pictures are wanted")
    if not isinstance(card.get("provenance", {}), dict):
        raise DataError(f"{path}: provenance must be a mapping")
    if sum(map(len, looks)) > MOST_FILES:
        raise DataError(f"{path} names {sum(map(len, looks))} pictures; at most {MOST_FILES} are read")
    return card


def _read_look(folder: Path, k: int, entries: Mapping[str, Any]) -> dict[str, Pixels]:
    return {str(name): _read_picture(folder, f"look {k}, {name}", entry) for name, entry in entries.items()}


def _read_picture(folder: Path, what: str, entry: Any) -> Pixels:
    from PIL import Image, UnidentifiedImageError

    file = entry.get("file") if isinstance(entry, dict) else None
    if not isinstance(file, str) or not _SAFE.fullmatch(file) or not file.endswith(".png"):
        raise DataError(
            f"{folder}: {what}: the file name {file!r} is refused; plain names ending in .png lie in a pack"
        )
    path = folder / file
    if path.is_symlink() or not path.is_file():
        raise DataError(f"{path}: {'a link is refused' if path.is_symlink() else 'is missing'} ({what})")
    if path.stat().st_size > MOST_FILE_BYTES:
        raise DataError(f"{path} has {path.stat().st_size} bytes; at most {MOST_FILE_BYTES} are read")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry.get("sha256"):
        raise DataError(f"{path} is not the picture that {CARD} names: its hash differs ({what})")
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if max(image.size) > MOST_SIDE:
                raise DataError(
                    f"{path} has {image.size[0]}x{image.size[1]} pixels; at most {MOST_SIDE} a side are read"
                )
            pixels = np.asarray(image.convert("RGBA")).copy()
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: no PNG can be read from it: {error} ({what})") from error
    if list(pixels.shape[:2]) != entry.get("size"):
        raise DataError(
            f"{path} has {pixels.shape[0]}x{pixels.shape[1]} pixels, {CARD} says {entry.get('size')} ({what})"
        )
    return pixels


def check_fit(pack: AssetPack, slots: Mapping[str, Slot], *, engine: str, level: str) -> None:
    """Refuse a pack whose pictures a level cannot show.

    Raises:
        UserError: Another engine or level, missing pictures, or a wrong size, palette or alpha; the message says what
            is needed.
    """
    if pack.engine != engine:
        raise UserError(f"this pack was made for {pack.level} ({pack.engine}); {level} runs on {engine}")
    if not len(pack):
        raise UserError(f"the pack for {pack.level} holds no look")
    for k, look in enumerate(pack.looks):
        if missing := [name for name in slots if name not in look]:
            names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
            raise UserError(
                f"look {k} of the pack for {pack.level} has too few pictures for {level}: {len(missing)} of "
                f"{len(slots)} are missing ({names}). Make one for it: rlsuite skin make --level {level}"
            )
        for name, slot in slots.items():
            if problem := misfit(look[name], slot):
                raise UserError(f"look {k}, {name}: {problem}")


def misfit(picture: Pixels, slot: Slot) -> str | None:
    """What is wrong with a picture for a slot, or None."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 4:
        return f"uint8 (height, width, 4) is wanted, found {picture.dtype} {picture.shape}"
    if picture.shape[:2] != slot.size:
        return f"{slot.size[0]}x{slot.size[1]} pixels are wanted, found {picture.shape[0]}x{picture.shape[1]}"
    solid = picture[..., 3] == 255
    if not (solid | (picture[..., 3] == 0)).all():
        return "its alpha must be 0 or 255 everywhere"
    if not np.array_equal(solid, slot.original[..., 3] == 255):
        holes = "holes where the original has them" if slot.alpha else "no holes"
        return f"its alpha must have {holes} and nowhere else: silhouettes stay"
    if slot.palette is not None:
        colours = np.unique(picture[solid][:, :3], axis=0).astype(np.int64) @ [65536, 256, 1]
        allowed = slot.palette.astype(np.int64) @ [65536, 256, 1]
        if foreign := int((~np.isin(colours, allowed)).sum()):
            return f"{foreign} of its {len(colours)} colours are not in the engine's palette of {len(slot.palette)}"
    return None
