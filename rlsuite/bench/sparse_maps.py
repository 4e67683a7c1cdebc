"""Where an agent went: visits over the floor plan of a Doom level, or over x, by training step."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlsuite.agents.curiosity.exploration import FILE_NAME
from rlsuite.errors import DataError, UserError
from rlsuite.plots.reading import read_run
from rlsuite.plots.style import new_grid, save, stem_of
from rlsuite.runs.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEADER = ("env_steps", "cell_x", "cell_y", "visits")


def draw_visits(run: str | PathLike[str], *, n_pages: int = 4, out: str | PathLike[str] | None = None) -> list[Path]:
    """Draw where a run's policy has been, one panel per span of training.

    Args:
        run: The run's folder.
        n_pages: Panels; the run's history is merged into that many.
        out: A file (its ending is replaced) or an existing folder; None for ``plots/visits`` of the run.

    Returns:
        The PNG, the SVG and the CSV.

    Raises:
        UserError: The run has no history: its level tells no positions, or it has not ended a span yet.
        DataError: The history is broken.
    """
    folder = RunFolder.find(run)
    cell, pages = read_visits(folder.path)
    data = read_run(folder.path)
    merged = merge(pages, n_pages)
    extent = _extent([cells for _, cells in merged])
    figure, axes = new_grid(len(merged), width=5.0, height=4.0)
    walls = _walls(data.level)
    top = max(max(cells.values()) for _, cells in merged)
    shown: Any = None
    for ax, (step, cells) in zip(axes, merged, strict=False):
        shown = _draw_page(ax, cells, cell, extent, walls, top)
        ax.set_title(f"to {step / 1e6:.2f} M env steps", fontsize=10)
    figure.colorbar(shown, ax=axes[: len(merged)], label="visits (decisions)", shrink=0.8)
    figure.suptitle(f"{data.experiment}, {data.level}, seed {data.seed} (n = 1)", fontsize=11)
    rows = [(step, x, y, n) for step, cells in merged for (x, y), n in sorted(cells.items())]
    return save(figure, stem_of(out, folder.plots / "visits"), rows, HEADER)


def read_visits(folder: Path) -> tuple[float, list[tuple[int, dict[tuple[int, int], int]]]]:
    """Cell side and, per span of training, its last env step and the visits of each cell.

    Raises:
        UserError: There is no history.
        DataError: It is broken.
    """
    path = folder / FILE_NAME
    if not path.exists():
        raise UserError(
            f"{folder} has no {FILE_NAME}: its level tells no positions, or the run has not come to an end yet"
        )
    try:
        found = json.loads(path.read_text())
        pages = [(int(p["step"]), {(int(x), int(y)): int(n) for x, y, n in p["visits"]}) for p in found["history"]]
        return float(found["cell"]), pages
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is broken: {error!r}") from error


def merge(pages: list[tuple[int, dict[tuple[int, int], int]]], n: int) -> list[tuple[int, dict[tuple[int, int], int]]]:
    """At most n spans from many, as equal as they can be; visits are summed."""
    groups = [g for g in np.array_split(np.arange(len(pages)), min(n, len(pages))) if len(g)]
    out = []
    for group in groups:
        total: dict[tuple[int, int], int] = {}
        for i in group:
            for place, count in pages[i][1].items():
                total[place] = total.get(place, 0) + count
        out.append((pages[group[-1]][0], total))
    return out


def _extent(pages: list[dict[tuple[int, int], int]]) -> tuple[int, int, int, int]:
    places = np.array([place for page in pages for place in page])
    (west, south), (east, north) = places.min(0), places.max(0)
    return int(west), int(east), int(south), int(north)


def _walls(level: str) -> np.ndarray | None:
    """Wall lines of a Doom level whose WAD holds a UDMF map, or None."""
    try:
        from rlsuite.envs.doom.engine import SCENARIOS_FOLDER
        from rlsuite.envs.doom.floorplan import load_floor_plan
        from rlsuite.envs.doom.scenarios import SCENARIOS

        if level in SCENARIOS and SCENARIOS[level].doom_map is None:
            return load_floor_plan(SCENARIOS_FOLDER / Path(SCENARIOS[level].cfg).with_suffix(".wad").name).walls
    except (ImportError, DataError):
        pass
    return None


def _draw_page(
    ax: Axes,
    cells: dict[tuple[int, int], int],
    side: float,
    extent: tuple[int, int, int, int],
    walls: np.ndarray | None,
    top: int,
) -> Any:
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LogNorm

    west, east, south, north = extent
    grid = np.full((north - south + 1, east - west + 1), np.nan)
    for (x, y), n in cells.items():
        grid[y - south, x - west] = n
    edges = (west * side, (east + 1) * side, south * side, (north + 1) * side)
    shown = ax.imshow(grid, origin="lower", extent=edges, norm=LogNorm(1, max(2, top)), cmap="viridis", aspect="equal")
    ax.grid(False)
    if walls is not None:
        ax.add_collection(LineCollection(list(walls), colors="#767676", linewidths=1.2))
        ax.autoscale_view()
    ax.set_xlabel("x (map units)")
    ax.set_ylabel("y (map units)" if north > south else "")
    return shown
