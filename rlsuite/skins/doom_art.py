"""What a Doom level shows, read out of WAD files: palette, composed wall textures, flats, sprites; and WADs written.

References: the Doom WAD format as the Doom Wiki documents it ("WAD", "Picture format", "TEXTURE1 and TEXTURE2",
"PNAMES"); UDMF 1.1 for TEXTMAP; ZDoom Wiki, "grAb" (the offsets of a PNG sprite).
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from rlsuite.errors import DataError
from rlsuite.skins.contracts import Pixels

Lumps = list[tuple[str, bytes]]
MAP_LUMPS = frozenset(
    (
        *("THINGS", "LINEDEFS", "SIDEDEFS", "VERTEXES", "SEGS", "SSECTORS", "NODES", "SECTORS", "REJECT", "BLOCKMAP"),
        *("BEHAVIOR", "SCRIPTS", "TEXTMAP", "ZNODES", "DIALOGUE", "ENDMAP"),
    )
)
PNG = b"\x89PNG\r\n\x1a\n"
FLAT = 64
UDMF_TEXTURE = re.compile(rb'(texture(?:top|bottom|middle|floor|ceiling)\s*=\s*")([^"]+)(")', re.IGNORECASE)
UDMF_THING = re.compile(rb"thing[^{]*\{[^}]*?\btype\s*=\s*(\d+)", re.IGNORECASE)


def read_wad(path: Path) -> Lumps:
    """Every lump of a WAD, in order.

    Raises:
        DataError: It is none, or cut short.
    """
    data = path.read_bytes()
    if data[:4] not in (b"IWAD", b"PWAD") or len(data) < 12:
        raise DataError(f"{path} is not a WAD: it begins with {data[:4]!r}")
    count, directory = struct.unpack_from("<ii", data, 4)
    if count < 0 or directory < 0 or directory + 16 * count > len(data):
        raise DataError(f"{path} is cut short: its directory lies past its end")
    entries = [struct.unpack_from("<ii8s", data, directory + 16 * i) for i in range(count)]
    return [(raw.rstrip(b"\0").decode("ascii", "replace").upper(), data[at : at + n]) for at, n, raw in entries]


def write_wad(path: Path, lumps: Iterable[tuple[str, bytes]]) -> Path:
    """Write a PWAD.

    Raises:
        DataError: A name has more than eight characters.
    """
    body, directory, at = [], [], 12
    for name, content in lumps:
        if len(name) > 8:
            raise DataError(f"{name}: names in a WAD have at most eight characters")
        directory.append(struct.pack("<ii8s", at, len(content), name.encode("ascii")))
        body.append(content)
        at += len(content)
    path.write_bytes(b"PWAD" + struct.pack("<ii", len(directory), at) + b"".join(body) + b"".join(directory))
    return path


def map_lumps(lumps: Lumps, name: str) -> Lumps:
    """A map's marker and what belongs to it.

    Raises:
        DataError: There is no such map.
    """
    start = next((i for i, (lump, _) in enumerate(lumps) if lump == name.upper()), None)
    if start is None:
        raise DataError(f"the WAD has no map {name}; it has {', '.join(lump for lump, _ in lumps[:12])} ...")
    end = start + 1
    while end < len(lumps) and lumps[end][0] in MAP_LUMPS:
        end += 1
    return lumps[start:end]


def used_textures(level: Lumps) -> tuple[list[str], list[str]]:
    """Names of the wall textures and of the flats that a map shows."""
    walls, flats = {}, {}
    for lump, content in level:
        if lump == "TEXTMAP":
            for key, name, _ in UDMF_TEXTURE.findall(content):
                flat = b"floor" in key.lower() or b"ceiling" in key.lower()
                (flats if flat else walls)[name.decode("ascii").upper()] = None
        elif lump == "SIDEDEFS":
            walls |= dict.fromkeys(_name(content, 30 * i + at) for i in range(len(content) // 30) for at in (4, 12, 20))
        elif lump == "SECTORS":
            flats |= dict.fromkeys(_name(content, 26 * i + at) for i in range(len(content) // 26) for at in (4, 12))
    return [w for w in walls if w and w != "-"], [f for f in flats if f and f != "-"]


def used_things(level: Lumps) -> list[int]:
    """Types of the things that lie in a map."""
    found: dict[int, None] = {}
    for lump, content in level:
        if lump == "TEXTMAP":
            found |= dict.fromkeys(int(kind) for kind in UDMF_THING.findall(content))
        elif lump == "THINGS":
            found |= dict.fromkeys(struct.unpack_from("<H", content, 10 * i + 6)[0] for i in range(len(content) // 10))
    return list(found)


def rename_textures(level: Lumps, walls: dict[str, str], flats: dict[str, str]) -> Lumps:
    """The same map showing other textures; nothing else of it changes."""

    def udmf(match: re.Match[bytes]) -> bytes:
        flat = any(word in match[1].lower() for word in (b"floor", b"ceiling"))
        name = match[2].decode("ascii").upper()
        return match[1] + (flats if flat else walls).get(name, match[2].decode("ascii")).encode("ascii") + match[3]

    out = []
    for lump, content in level:
        if lump == "TEXTMAP":
            content = UDMF_TEXTURE.sub(udmf, content)
        elif lump == "SIDEDEFS":
            content = _rename(content, 30, (4, 12, 20), walls)
        elif lump == "SECTORS":
            content = _rename(content, 26, (4, 12), flats)
        out.append((lump, content))
    return out


def _rename(content: bytes, record: int, places: tuple[int, ...], names: dict[str, str]) -> bytes:
    changed = bytearray(content)
    for start in range(0, len(content) // record * record, record):
        for place in places:
            if new := names.get(_name(content, start + place)):
                changed[start + place : start + place + 8] = new.encode("ascii").ljust(8, b"\0")
    return bytes(changed)


def _name(content: bytes, at: int) -> str:
    return content[at : at + 8].split(b"\0")[0].decode("ascii", "replace").upper()


class ArtBook:
    """The pictures of a game file.

    Args:
        path: The game file (IWAD).
    """

    def __init__(self, path: Path) -> None:
        self.lumps = read_wad(path)
        self._table = dict(self.lumps)
        if "PLAYPAL" not in self._table:
            raise DataError(f"{path} has no palette; it is no game file")
        self.palette = np.frombuffer(self._table["PLAYPAL"][:768], np.uint8).reshape(256, 3)
        self._textures = dict(self._read_textures())

    def wall(self, name: str) -> Pixels | None:
        """A wall texture put together from its patches; None if the game has none of that name."""
        if name not in self._textures:
            return None
        width, height, parts = self._textures[name]
        sheet = np.zeros((height, width, 4), np.uint8)
        for x, y, patch in parts:
            if content := self._table.get(patch):
                picture, _ = self.picture(content)
                _paste(sheet, picture, x, y)
        return sheet

    def flat(self, name: str) -> Pixels | None:
        """A flat; None if the game has none of that name."""
        content = self._table.get(name, b"")
        if len(content) != FLAT * FLAT:
            return None
        colours = self.palette[np.frombuffer(content, np.uint8).reshape(FLAT, FLAT)]
        return np.concatenate([colours, np.full((FLAT, FLAT, 1), 255, np.uint8)], axis=-1)

    def sprites(self, prefix: str) -> dict[str, tuple[Pixels, tuple[int, int]]]:
        """Every frame of a thing's sprite, with its offsets."""
        found, inside = {}, False
        for name, content in self.lumps:
            if name in ("S_START", "SS_START", "S_END", "SS_END"):
                inside = name.endswith("START")
            elif inside and name.startswith(prefix) and content:
                found[name] = self.picture(content)
        return found

    def picture(self, content: bytes) -> tuple[Pixels, tuple[int, int]]:
        """A lump's picture, (H, W, 4), and its offsets."""
        if content.startswith(PNG):
            with Image.open(io.BytesIO(content)) as image:
                pixels = np.asarray(image.convert("RGBA")).copy()
                pixels[..., 3] = np.where(pixels[..., 3] > 127, 255, 0)
                return pixels, _grab(content)
        width, height, left, top = struct.unpack_from("<HHhh", content)
        pixels = np.zeros((height, width, 4), np.uint8)
        for x, place in enumerate(struct.unpack_from(f"<{width}I", content, 8)):
            for y, post in _posts(content, place):
                shown = post[: max(0, height - y)]
                pixels[y : y + len(shown), x, :3] = self.palette[shown]
                pixels[y : y + len(shown), x, 3] = 255
        return pixels, (left, top)

    def _read_textures(self) -> Iterator[tuple[str, tuple[int, int, list[tuple[int, int, str]]]]]:
        content = self._table.get("PNAMES", b"\0\0\0\0")
        patches = [_name(content, 4 + 8 * i) for i in range(struct.unpack_from("<i", content)[0])]
        for lump in ("TEXTURE1", "TEXTURE2"):
            table = self._table.get(lump, b"\0\0\0\0")
            for at in struct.unpack_from(f"<{struct.unpack_from('<i', table)[0]}i", table, 4):
                width, height, _, n = struct.unpack_from("<hhih", table, at + 12)
                parts = [struct.unpack_from("<hhh", table, at + 22 + 10 * i) for i in range(n)]
                yield _name(table, at), (width, height, [(x, y, patches[p]) for x, y, p in parts])


def _posts(content: bytes, place: int) -> Iterator[tuple[int, np.ndarray]]:
    last = -1
    while content[place] != 255:
        y = last + content[place] if content[place] <= last else content[place]  # tall pictures count on
        length, last = content[place + 1], y
        yield y, np.frombuffer(content, np.uint8, length, place + 3)
        place += length + 4


def _paste(sheet: Pixels, picture: Pixels, x: int, y: int) -> None:
    """Draw a patch where it belongs, cut at the edges."""
    height, width = sheet.shape[:2]
    top, left = max(0, -y), max(0, -x)
    part = picture[top : max(top, height - y), left : max(left, width - x)]
    target = sheet[y + top : y + top + part.shape[0], x + left : x + left + part.shape[1]]
    solid = part[..., 3] > 0
    target[solid] = part[solid]


def _grab(content: bytes) -> tuple[int, int]:
    at = content.find(b"grAb")
    left, top = struct.unpack_from(">ii", content, at + 4) if at > 0 else (0, 0)
    return left, top


def to_png(picture: Pixels, offsets: tuple[int, int] | None = None) -> bytes:
    """A picture as a PNG lump; ``offsets`` are written as ZDoom reads them."""
    out = io.BytesIO()
    solid = bool((picture[..., 3] == 255).all())
    Image.fromarray(picture[..., :3] if solid else picture).save(out, "PNG")
    content = out.getvalue()
    if offsets is None:
        return content
    chunk = b"grAb" + struct.pack(">ii", *offsets)
    end_of_header = len(PNG) + 25
    return (
        content[:end_of_header]
        + struct.pack(">I", 8)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + content[end_of_header:]
    )
