"""Figures from run folders: PNG, SVG and the numbers behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlsuite.plots.comparing import compare
    from rlsuite.plots.drawing import plot_runs
    from rlsuite.plots.passages import plot_solved
    from rlsuite.plots.reading import RunData, read_metrics, read_runs
    from rlsuite.plots.run_figures import plot_run

_HOMES = {
    "RunData": "reading",
    "compare": "comparing",
    "plot_run": "run_figures",
    "plot_runs": "drawing",
    "plot_solved": "passages",
    "read_metrics": "reading",
    "read_runs": "reading",
}

__all__ = ["RunData", "compare", "plot_run", "plot_runs", "plot_solved", "read_metrics", "read_runs"]


def __getattr__(name: str) -> Any:
    """Import on first use: the command line names this module without paying for matplotlib."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rlsuite.plots' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(f"rlsuite.plots.{_HOMES[name]}"), name)
