"""Read an iNES file: 16-byte header, program ROM (PRG), picture ROM (CHR).

Reference: NESdev Wiki, "iNES" and "NROM".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlsuite.errors import DataError

PRG_BANK = 16384
CHR_BANK = 8192
HEADER = 16


@dataclass(frozen=True)
class Rom:
    """A cartridge without a mapper chip (mapper 0, NROM).

    Attributes:
        prg: (32768,) uint8, what the CPU sees at $8000-$FFFF; a 16 KB ROM appears twice.
        chr: (8192,) uint8, 512 tiles of 8x8 pixels, 2 bits each.
        vertical_mirroring: Whether the two nametables lie side by side (horizontal scrolling).
        digest: First 16 hex digits of the SHA-256 of the file: names caches, never holds its content.
    """

    prg: np.ndarray
    chr: np.ndarray
    vertical_mirroring: bool
    digest: str


def load_rom(path: str | Path) -> Rom:
    """Read and check a mapper-0 iNES file.

    Raises:
        DataError: No such file, not an iNES file, another mapper, or a size that does not
            match the header; the message says what was found and what is allowed.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such ROM file. Give the path of a mapper-0 iNES file (.nes).")
    return parse_rom(path.read_bytes(), str(path))


def parse_rom(data: bytes, name: str) -> Rom:
    """Check the bytes of an iNES file; ``name`` is what messages call it."""
    if data[:4] != b"NES\x1a":
        raise DataError(
            f"{name}: not an iNES file: it begins with {data[:4]!r}, not with b'NES\\x1a'. "
            "Unpack archives first; other dump formats need a conversion to iNES."
        )
    if len(data) < HEADER:
        raise DataError(f"{name}: cut off after {len(data)} bytes; the iNES header alone has {HEADER}.")
    n_prg, n_chr, flags6, flags7 = data[4], data[5], data[6], data[7]
    mapper = (flags6 >> 4) | (flags7 & 0xF0)
    if mapper != 0:
        raise DataError(f"{name}: mapper {mapper}; this emulator plays mapper 0 (NROM) only, such as Super Mario Bros.")
    if flags6 & 0x04:
        raise DataError(f"{name}: has a 512-byte trainer, which is not supported. Use a clean dump.")
    if flags6 & 0x08:
        raise DataError(f"{name}: asks for four-screen video memory, which is not supported.")
    if n_prg not in (1, 2) or n_chr != 1:
        raise DataError(
            f"{name}: the header says {n_prg} x 16 KB program and {n_chr} x 8 KB picture ROM; "
            "mapper 0 has 1 or 2 and exactly 1 (picture RAM is not supported)."
        )
    wanted = HEADER + n_prg * PRG_BANK + n_chr * CHR_BANK
    if len(data) != wanted:
        what = "cut off" if len(data) < wanted else "too long"
        raise DataError(f"{name}: {what}: {len(data)} bytes, the header promises {wanted}. Fetch a clean dump.")
    body = np.frombuffer(data, np.uint8)
    prg = body[HEADER : HEADER + n_prg * PRG_BANK]
    return Rom(
        prg=np.tile(prg, 2 // n_prg),
        chr=body[HEADER + n_prg * PRG_BANK :].copy(),
        vertical_mirroring=bool(flags6 & 1),
        digest=hashlib.sha256(data).hexdigest()[:16],
    )
