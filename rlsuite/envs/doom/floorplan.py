"""Floor plan of a Doom map: cells, rooms and walls, read from the WAD's TEXTMAP (UDMF)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from rlsuite.envs.doom.wad import read_lump
from rlsuite.errors import DataError

CELL = 64.0
"""Side of a coverage cell in map units: twice the player's width."""

_BLOCK = re.compile(r"(thing|vertex|linedef|sidedef|sector)\s*(?://[^\n]*)?\s*\{([^}]*)\}")
_PAIR = re.compile(r'(\w+)\s*=\s*("[^"]*"|[^;]+);')


@dataclass(frozen=True)
class FloorPlan:
    """Walls and sectors of a map.

    Attributes:
        walls: (n, 2, 2) float, end points of every one-sided line.
        sectors: For each sector the (m, 2, 2) lines around it.
    """

    walls: np.ndarray
    sectors: tuple[np.ndarray, ...]

    def sector_of(self, x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
        """Index of the sector that each point lies in, -1 outside the map."""
        xs, ys = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
        found = np.full(xs.shape, -1)
        for index, lines in enumerate(self.sectors):
            found[_inside(lines, xs, ys) & (found < 0)] = index
        return found

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, east, south and north end in map units."""
        points = self.walls.reshape(-1, 2)
        (west, south), (east, north) = points.min(0), points.max(0)
        return float(west), float(east), float(south), float(north)


def _inside(lines: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Even-odd rule: an odd number of lines cross the ray to the east."""
    odd = np.zeros(x.shape, dtype=bool)
    for (x1, y1), (x2, y2) in lines:
        if y1 == y2:
            continue
        crosses = (y1 > y) != (y2 > y)
        odd ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return odd


def parse_textmap(text: str) -> FloorPlan:
    """Read a UDMF map.

    Raises:
        DataError: No lines, or references to what is not there.
    """
    blocks: dict[str, list[dict[str, str]]] = {}
    for kind, body in _BLOCK.findall(text):
        blocks.setdefault(kind, []).append(dict(_PAIR.findall(body)))
    try:
        corners = np.array([[float(v["x"]), float(v["y"])] for v in blocks["vertex"]])
        ends = [corners[[int(line["v1"]), int(line["v2"])]] for line in blocks["linedef"]]
        around: list[list[np.ndarray]] = [[] for _ in blocks["sector"]]
        walls = []
        for line, end in zip(blocks["linedef"], ends, strict=True):
            sides = [int(line[k]) for k in ("sidefront", "sideback") if int(line.get(k, -1)) >= 0]
            for side in sides:
                around[int(blocks["sidedef"][side]["sector"])].append(end)
            if len(sides) == 1:
                walls.append(end)
    except (KeyError, IndexError, ValueError) as error:
        raise DataError(f"the map's TEXTMAP is broken: {error!r}") from error
    return FloorPlan(np.array(walls), tuple(np.array(lines) for lines in around))


@lru_cache(maxsize=8)
def load_floor_plan(wad: Path) -> FloorPlan:
    """Floor plan of the (first) UDMF map in a WAD file.

    Raises:
        DataError: The file is broken or holds no UDMF map.
    """
    return parse_textmap(read_lump(wad, "TEXTMAP").decode("latin1"))


class RoomFinder:
    """Room numbers from positions, by a table of quarter cells (fast enough for every step).

    Args:
        plan: The map.
        room_sectors: The sectors that are rooms; a point elsewhere is in no room (-1).
    """

    def __init__(self, plan: FloorPlan, room_sectors: tuple[int, ...]) -> None:
        self.n_rooms = len(room_sectors)
        west, east, south, north = plan.bounds
        self._origin, self._side = (west, south), CELL / 4
        columns = np.arange(west, east, self._side) + self._side / 2
        rows = np.arange(south, north, self._side) + self._side / 2
        sectors = plan.sector_of(columns[None, :], rows[:, None])
        rooms = {sector: room for room, sector in enumerate(room_sectors)}
        self._table = np.vectorize(lambda s: rooms.get(int(s), -1), otypes=[np.int64])(sectors).tolist()

    def __call__(self, x: float, y: float) -> int:
        """Room at a point, or -1."""
        row, column = int((y - self._origin[1]) // self._side), int((x - self._origin[0]) // self._side)
        if 0 <= row < len(self._table) and 0 <= column < len(self._table[0]):
            return self._table[row][column]
        return -1


def cell_of(x: float, y: float) -> tuple[int, int]:
    """The 64-unit cell that a point lies in."""
    return int(x // CELL), int(y // CELL)
