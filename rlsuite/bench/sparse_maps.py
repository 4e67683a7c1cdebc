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
from rlsuite.plots.style import new_grid, save, stem_of, to_image
from rlsuite.runs.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Page = tuple[int, dict[tuple[int, int], int]]
"""The last env step of a span of training, and the visits of each cell in it."""
Rows = list[tuple[int, int, int, int]]
HEADER = ("env_steps", "cell_x", "cell_y", "visits")


def draw_visits(run: str | PathLike[str], *, n_pages: int = 4, out: str | PathLike[str] | None = None) -> list[Path]:
    """Draw where a run's policy has been, one panel per span of training.

    A level along a line (Mario) is one panel instead: x to the right, training upwards.

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
    figure, rows = _draw(folder, read_visits(folder.path), n_pages)
    return save(figure, stem_of(out, folder.plots / "visits"), rows, HEADER)


def leave_visits(run: str | PathLike[str], step: int) -> list[Path]:
    """`draw_visits` into a run's ``plots/`` and, as an image at ``step``, into its TensorBoard.

    Returns:
        The files; none if the level tells no positions.

    Raises:
        DataError: The history is broken.
    """
    from torch.utils.tensorboard import SummaryWriter

    folder = RunFolder.find(run)
    if not (folder.path / FILE_NAME).exists():
        return []
    visits = read_visits(folder.path)
    if not any(cells for _, cells in visits[1]):
        return []
    figure, rows = _draw(folder, visits, 4)
    with SummaryWriter(str(folder.tensorboard)) as writer:
        writer.add_image("plots/visits", to_image(figure), step, dataformats="HWC")
    return save(figure, folder.plots / "visits", rows, HEADER)


def _draw(folder: RunFolder, visits: tuple[float, list[Page]], n_pages: int) -> tuple[Figure, Rows]:
    """The figure of what `read_visits` gave, and the rows of its CSV."""
    cell, pages = visits
    data = read_run(folder.path)
    title = f"{data.experiment}, {data.level}, seed {data.seed} (n = 1)"
    if all(y == 0 for _, cells in pages for _, y in cells):
        return _draw_line(pages, cell, title)
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
    figure.suptitle(title, fontsize=11)
    return figure, [(step, x, y, n) for step, cells in merged for (x, y), n in sorted(cells.items())]


def _draw_line(pages: list[Page], side: float, title: str) -> tuple[Figure, Rows]:
    """Share of decisions by x (columns) and span of training (rows), and the CSV's rows."""
    from matplotlib.colors import LogNorm

    west, east, _, _ = _extent([cells for _, cells in pages])
    grid = np.full((len(pages), east - west + 1), np.nan)
    for row, (_, cells) in enumerate(pages):
        for (x, _), n in cells.items():
            grid[row, x - west] = n / sum(cells.values())
    figure, axes = new_grid(1, width=8.0, height=4.0)
    edges = [0.0, *(step / 1e6 for step, _ in pages)]
    columns = [x * side for x in range(west, east + 2)]
    shown = axes[0].pcolormesh(columns, edges, grid, norm=LogNorm(1e-4, 1.0), cmap="viridis")
    axes[0].grid(False)
    axes[0].set_xlabel("x (pixels)")
    axes[0].set_ylabel("training (M env steps)")
    figure.colorbar(shown, ax=axes[0], label="share of decisions")
    figure.suptitle(title, fontsize=11)
    return figure, [(step, x, y, n) for step, cells in pages for (x, y), n in sorted(cells.items())]


def read_visits(folder: Path) -> tuple[float, list[Page]]:
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


def merge(pages: list[Page], n: int) -> list[Page]:
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
