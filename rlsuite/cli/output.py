"""Printing: JSON for programs, tables for people."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def print_json(value: Any) -> None:
    """One JSON document on stdout; NaN becomes null, since JSON has none."""
    print(json.dumps(_finite(value), indent=2, default=_plain))


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], title: str = "") -> None:
    """A table of some of the rows' keys."""
    from rich.console import Console
    from rich.table import Table

    rows = list(rows)
    shown = [column for column in columns if any(row.get(column) not in (None, "") for row in rows)]
    table = Table(title=title or None, box=None, title_justify="left", header_style="bold", pad_edge=False)
    for column in shown:
        number = all(isinstance(row.get(column), int | float | None) for row in rows)
        table.add_column(column, no_wrap=column == "id", justify="right" if number else "left")
    for row in rows:
        table.add_row(*[_cell(row.get(column)) for column in shown])
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)


def _cell(value: Any) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return escape(str(value))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def _plain(value: Any) -> Any:
    """What json cannot write by itself: numpy and torch scalars, dataclasses, paths."""
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    for method in ("tolist", "model_dump"):
        if hasattr(value, method):
            return getattr(value, method)()
    return str(value)
