"""Skins of Doom levels: wall textures, flats and thing sprites, as WAD files.

Where the map is of the modern text format, K looks travel in one WAD: the map is in it K times, differing in the names
of textures alone, and an episode begins on the copy whose look it draws, which costs nothing. Sprites belong to the
whole engine, and the maps of the games to their names, so such looks are a WAD each, and an engine starts anew for one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rlsuite.skins.contracts import Art, Look, ShowsWads, Slot
from rlsuite.skins.doom_art import (
    ArtBook,
    Lumps,
    map_lumps,
    read_wad,
    rename_textures,
    to_png,
    used_textures,
    used_things,
    write_wad,
)

SPRITES = {
    3004: "POSS", 9: "SPOS", 65: "CPOS", 3001: "TROO", 3002: "SARG", 58: "SARG", 3003: "BOSS", 3005: "HEAD",
    3006: "SKUL", 69: "BOS2", 66: "SKEL", 67: "FATT", 68: "BSPI", 71: "PAIN", 64: "VILE", 2018: "ARM1", 2019: "ARM2",
    2011: "STIM", 2012: "MEDI", 2013: "SOUL", 2014: "BON1", 2015: "BON2", 2035: "BAR1", 2007: "CLIP", 2048: "AMMO",
    2008: "SHEL", 2049: "SBOX", 2010: "ROCK", 2046: "BROK", 2001: "SHOT", 2002: "MGUN", 2003: "LAUN",
}  # fmt: skip
"""Sprites of the things that scenarios and maps place (Doom Wiki, "Thing types")."""
NAMED = {
    "Cacodemon": "HEAD", "DoomImp": "TROO", "Demon": "SARG", "Zombieman": "POSS", "ShotgunGuy": "SPOS",
    "Medikit": "MEDI", "Stimpack": "STIM", "HellKnight": "BOS2", "LostSoul": "SKUL", "MarineChainsaw": "PLAY",
    "MarineChainsawVzd": "PLAY", "Poison": "BON1",
}  # fmt: skip
"""Sprites of the things that scripts bring in, by name."""
SKIES = ("F_SKY1",)
SWITCHES = ("SW1", "SW2")


class DoomTailor:
    """Knows Doom engines."""

    engine = "doom"

    def fits(self, env: Any) -> bool:
        """Whether the level shows WADs."""
        return isinstance(env, ShowsWads)

    def slots(self, env: Any) -> dict[str, Slot]:
        """Wall textures, flats and sprite frames that the map shows; the sky and switches stay."""
        return _slots(*_key(env.art_files))

    def wear(
        self, env: Any, looks: Sequence[Look], *, seed: int | None, every: int, choices: Sequence[int] | None = None
    ) -> None:
        """Write the WADs, if they are not there yet, and let the engines show them."""
        art, folder = env.art_files, env.look_folder
        if not looks:
            return env.set_looks([], seed=seed)
        lumps = read_wad(art.level)
        level = map_lumps(lumps, art.map)
        shared = any(name == "TEXTMAP" for name, _ in level) and not any(_sprites(look) for look in looks)
        worn = range(len(looks)) if choices is None else choices
        if shared:
            wad = folder / f"looks-{_digest(looks)}.wad"
            if not wad.is_file():
                write_wad(wad, [*lumps, *_copies(level, looks), *_textures(looks)])
            return env.set_looks([(wad, _copy_name(k)) for k in worn], seed=seed, every=every)
        others = [] if art.level == art.game else [lump for lump in lumps if lump not in level]
        book = _book(art.game)
        wads = [folder / f"look-{_digest([looks[k]])}.wad" for k in worn]
        for k, wad in zip(worn, wads, strict=True):
            if not wad.is_file():
                write_wad(wad, [*others, *_dressed(level, looks[k], art.map), *_alone(looks[k], book)])
        return env.set_looks([(wad, None) for wad in wads], seed=seed, every=every)


def _digest(looks: Sequence[Look]) -> str:
    """Names looks by their pictures, 16 hex digits."""
    found = hashlib.sha256()
    for look in looks:
        for name, picture in sorted(look.items()):
            found.update(f"{name} {picture.shape}".encode())
            found.update(np.ascontiguousarray(picture).tobytes())
    return found.hexdigest()[:16]


def _key(art: Art) -> tuple[Path, Path, str, int]:
    return Path(art.game), Path(art.level), art.map, Path(art.level).stat().st_mtime_ns


@lru_cache(maxsize=4)
def _book(game: Path) -> ArtBook:
    return ArtBook(game)


@lru_cache(maxsize=8)
def _slots(game: Path, level_file: Path, map_name: str, written_ns: int) -> dict[str, Slot]:
    book, lumps = _book(game), read_wad(level_file)
    level = map_lumps(lumps, map_name)
    walls, flats = used_textures(level)
    found = {}
    for name in walls:
        if name.startswith(SWITCHES):
            continue
        picture = book.wall(name)
        picture = book.flat(name) if picture is None else picture  # flats may stand on walls
        if picture is not None:
            holes = bool((picture[..., 3] == 0).any())
            found[f"wall_{name}"] = Slot(f"wall_{name}", picture, "wall", book.palette, alpha=holes)
    for name in flats:
        picture = None if name in SKIES else book.flat(name)
        if picture is not None:
            found[f"flat_{name}"] = Slot(f"flat_{name}", picture, "flat", book.palette)
    for prefix in sprite_prefixes(level, lumps):
        for frame, (picture, _) in book.sprites(prefix).items():
            found[f"sprite_{frame}"] = Slot(f"sprite_{frame}", picture, "sprite", book.palette, True, False, prefix)
    return found


def sprite_prefixes(level: Lumps, lumps: Lumps) -> list[str]:
    """Sprites of the things that lie in the map, and of those that its script names."""
    words = b"".join(content for name, content in [*level, *lumps] if name in ("BEHAVIOR", "DECORATE"))
    spawned = [sprite for name, sprite in NAMED.items() if name.encode() in words]
    return list(dict.fromkeys([SPRITES[kind] for kind in used_things(level) if kind in SPRITES] + spawned))


def _names(look: Look, k: int) -> tuple[dict[str, str], dict[str, str]]:
    """What wall textures and flats are called in look k."""
    found: dict[str, dict[str, str]] = {"wall": {}, "flat": {}}
    for number, slot in enumerate(sorted(look)):
        kind, _, name = slot.partition("_")
        if kind in found:
            found[kind][name] = f"W{k:03d}{number:04d}"
    return found["wall"], found["flat"]


def _sprites(look: Look) -> list[str]:
    return [slot for slot in look if slot.startswith("sprite_")]


def _copy_name(k: int) -> str:
    return f"LOOK{k:04d}"


def _copies(level: Lumps, looks: Sequence[Look]) -> Iterator[tuple[str, bytes]]:
    """The map once more for every look."""
    for k, look in enumerate(looks):
        yield _copy_name(k), b""
        yield from rename_textures(level, *_names(look, k))[1:]


def _dressed(level: Lumps, look: Look, name: str) -> Iterator[tuple[str, bytes]]:
    """The map under its own name, wearing a look."""
    yield name, b""
    yield from rename_textures(level, *_names(look, 0))[1:]


def _textures(looks: Sequence[Look]) -> Iterator[tuple[str, bytes]]:
    """The looks' wall textures and flats."""
    yield "TX_START", b""
    for k, look in enumerate(looks):
        walls, flats = _names(look, k)
        for kind, names in (("wall", walls), ("flat", flats)):
            for name, own in names.items():
                yield own, to_png(look[f"{kind}_{name}"])
    yield "TX_END", b""


def _alone(look: Look, book: ArtBook) -> Iterator[tuple[str, bytes]]:
    """One look's textures and sprites."""
    yield from _textures([look])
    yield "S_START", b""
    for slot in _sprites(look):
        frame = slot.removeprefix("sprite_")
        _, offsets = book.sprites(frame)[frame]
        yield frame, to_png(np.asarray(look[slot]), offsets)
    yield "S_END", b""
