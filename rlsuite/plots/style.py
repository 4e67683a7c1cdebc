"""How every figure looks, and how it is saved: PNG, SVG and the numbers behind it."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlsuite.errors import RunError, UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's colours without black and yellow: told apart by colour-blind eyes, seen on white and on black."""
DASHES = ("solid", (0, (5, 1.5)), (0, (1.5, 1.2)))
GREY = "#767676"
"""The one grey with a contrast of 4.5 to both white and black: text and axes."""

_SETTINGS: Any = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "legend.fontsize": 10,
    "text.color": GREY,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GREY,
    "grid.alpha": 0.18,
    "grid.linewidth": 0.8,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "rlsuite",
}


def colour(i: int) -> str:
    """The colour of the i-th group."""
    return PALETTE[i % len(PALETTE)]


def dash(i: int) -> Any:
    """Its line: another dash once the colours are used up."""
    return DASHES[(i // len(PALETTE)) % len(DASHES)]


def new_grid(n: int = 1, width: float = 7.2, height: float = 4.6) -> tuple[Figure, list[Axes]]:
    """A figure with n axes, three a row at most; outside of pyplot: no global state, safe beside a training.

    Args:
        n: How many axes.
        width: Inches of a figure with one.
        height: Inches of a row.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(n, 3)
    rows = -(-n // columns)
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(width * (0.4 + 0.6 * columns), height * (0.15 + 0.85 * rows)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for spare in axes[n:]:
        spare.remove()
    return figure, axes[:n]


def add_legend(figure: Figure, entries: Mapping[str, Any] | None = None, width: float = 1.0) -> None:
    """Put the legend below the axes, in as many columns as fit.

    Args:
        figure: The figure.
        entries: Label to handle; None for all that its axes have.
        width: Of the figure, 1 for a single axis.
    """
    if entries is None:
        entries = {}
        for ax in figure.axes:
            handles, labels = ax.get_legend_handles_labels()
            entries = dict(zip(labels, handles, strict=True)) | entries
    if not entries:
        return
    columns = max(1, int(90 * width / (max(map(len, entries)) + 8)))
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=min(columns, len(entries)),
        frameon=False,
        labelcolor=GREY,
    )


def save(figure: Figure, stem: Path, rows: Iterable[Sequence[Any]], header: Sequence[str]) -> list[Path]:
    """Write ``stem.png``, ``stem.svg`` and ``stem.csv``, each whole or not at all.

    Raises:
        RunError: They cannot be written (no permission, full disk).
    """
    import matplotlib as mpl

    parts: dict[str, bytes] = {}
    with mpl.rc_context(_SETTINGS):
        for kind in ("png", "svg"):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
            parts[kind] = buffer.getvalue()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    parts["csv"] = text.getvalue().encode()
    return [_write(stem.with_name(f"{stem.name}.{kind}"), data) for kind, data in parts.items()]


def stem_of(out: str | os.PathLike[str] | None, default: Path) -> Path:
    """The files' common name without ending.

    Raises:
        UserError: ``out`` has an ending that is not written.
    """
    if out is None:
        return default
    path = Path(out)
    if path.is_dir():
        return path / default.name
    if path.suffix in (".png", ".svg", ".csv"):
        return path.with_suffix("")
    if path.suffix in (".pdf", ".jpg", ".jpeg", ".gif", ".eps", ".webp"):
        raise UserError(f"{path}: plots are written as .png, .svg and .csv side by side; name one of them")
    return path


def to_image(figure: Figure, dpi: int = 100) -> np.ndarray:
    """The figure on white as uint8 (H, W, 3), for TensorBoard."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(dpi)
    canvas.draw()
    rgba = np.asarray(canvas.buffer_rgba()).astype(np.float32)
    alpha = rgba[..., 3:] / 255.0
    return (rgba[..., :3] * alpha + 255.0 * (1.0 - alpha)).round().astype(np.uint8)


def short_number(value: float, _: Any = None) -> str:
    """``1500000`` as ``1.5M``, ``3200`` as ``3.2k``: for axes."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def _write(path: Path, data: bytes) -> Path:
    aside = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(data)
        os.replace(aside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise RunError(f"{path} could not be written: {error}") from error
    return path
