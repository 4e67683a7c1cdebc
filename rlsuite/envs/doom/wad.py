"""Make the variants of My Way Home from the WAD that the vizdoom package ships; nothing is shipped here.

The map's script 2 drops the player on one of 17 spots with a random facing. Its bytecode (the BEHAVIOR
lump) is assembled anew for a given spot and facing and written over the old code, padded to the same
length, so that every offset in the file stays right. That is why this works on bytes: a WAD library
would rewrite the whole file.

Reference: Pathak et al. 2017, section 4 (dense, sparse, very sparse); ACS bytecode as in ZDoom's
``p_acs.h``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from rlsuite.errors import DataError

ENTER_SCRIPT = 2
FIXED_ONE = 65536  # ACS counts in 16.16 fixed point; a full turn is 1.0

# ACS instructions used here
TERMINATE, PUSH_NUMBER, DROP, RANDOM = 1, 3, 54, 57
ASSIGN_LOCAL, PUSH_LOCAL, PUSH_BYTE, PUSH_2_BYTES = 25, 28, 167, 176
GET_ACTOR_X, GET_ACTOR_Y, ASSIGN_GLOBAL, CLEAR_INVENTORY = 196, 197, 181, 142
SET_ACTOR_ANGLE, SET_ACTOR_POSITION = (0xF0, 276 - 240), (0xF0, 283 - 240)


@dataclass(frozen=True)
class Spawn:
    """Where the player starts.

    Attributes:
        tid: Thing id of the map spot.
        facing: Least and greatest facing in turns (0 east, 0.25 north), uniform between.
    """

    tid: int
    facing: tuple[float, float]


def lumps(wad: bytes, name: str = "the WAD") -> dict[str, tuple[int, int]]:
    """Name to (offset, size) of every lump; of equal names the last.

    Raises:
        DataError: Not a WAD, or cut short.
    """
    if len(wad) < 12 or wad[:4] not in (b"PWAD", b"IWAD"):
        raise DataError(f"{name} is not a WAD: it begins with {wad[:4]!r}, not with PWAD or IWAD")
    count, directory = struct.unpack_from("<ii", wad, 4)
    if count < 0 or directory < 12 or directory + 16 * count > len(wad):
        raise DataError(f"{name} is cut short: its directory lies past its end ({len(wad)} bytes)")
    table: dict[str, tuple[int, int]] = {}
    for i in range(count):
        offset, size, raw = struct.unpack_from("<ii8s", wad, directory + 16 * i)
        if size < 0 or offset < 0 or offset + size > len(wad):
            raise DataError(f"{name} is cut short: lump {raw.rstrip(bytes(1))!r} lies past its end")
        table[raw.rstrip(b"\0").decode("ascii", "replace")] = (offset, size)
    return table


def read_lump(path: Path, lump: str) -> bytes:
    """The bytes of one lump of a WAD file.

    Raises:
        DataError: The file is broken or has no such lump.
    """
    wad = path.read_bytes()
    table = lumps(wad, str(path))
    if lump not in table:
        raise DataError(f"{path} has no lump {lump}; it has {', '.join(table)}")
    offset, size = table[lump]
    return wad[offset : offset + size]


def assemble_enter_script(spawn: Spawn) -> bytes:
    """Bytecode of: stand on the spot, face between the limits, reward 0, empty pockets."""
    low, high = (round(turn * FIXED_ONE) for turn in spawn.facing)
    return (
        bytes([PUSH_BYTE, 0, PUSH_BYTE, spawn.tid, GET_ACTOR_X, PUSH_BYTE, spawn.tid, GET_ACTOR_Y])
        + bytes([PUSH_2_BYTES, 0, 0, *SET_ACTOR_POSITION, DROP])
        + bytes([PUSH_BYTE, 0, PUSH_NUMBER])
        + struct.pack("<i", low)
        + bytes([PUSH_NUMBER])
        + struct.pack("<i", high)
        + bytes([RANDOM, *SET_ACTOR_ANGLE, PUSH_BYTE, 0, ASSIGN_GLOBAL, 0, CLEAR_INVENTORY, TERMINATE])
    )


def script_span(behavior: bytes) -> tuple[int, int]:
    """Begin and end of script 2's code in a BEHAVIOR lump, from its SPTR table."""
    marker = behavior.find(b"SPTR")
    if behavior[:4] != b"ACS\0" or marker < 0:
        raise DataError("the map's BEHAVIOR lump is not the one this vizdoom is known for (no ACS script table)")
    size = struct.unpack_from("<i", behavior, marker + 4)[0]
    entries = [struct.unpack_from("<HHi", behavior, marker + 8 + at) for at in range(0, size, 8)]
    starts = sorted(start for _, _, start in entries)
    start = next((start for number, _, start in entries if number == ENTER_SCRIPT), None)
    if start is None or start == starts[-1]:
        raise DataError("the map's BEHAVIOR lump has no script 2 between others")
    return start, starts[starts.index(start) + 1]


def with_spawn(wad: bytes, spawn: Spawn) -> bytes:
    """The same WAD with the player's start pinned.

    Raises:
        DataError: The WAD is not the expected one.
    """
    offset, size = lumps(wad).get("BEHAVIOR", (0, 0))
    start, end = script_span(wad[offset : offset + size])
    code = assemble_enter_script(spawn)
    if len(code) > end - start:
        raise DataError(f"script 2 has {end - start} bytes, the new one needs {len(code)}")
    code = code.ljust(end - start, bytes([TERMINATE]))
    return wad[: offset + start] + code + wad[offset + end :]
