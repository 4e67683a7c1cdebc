"""What `rlsuite ls` lists, as rows of plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Row = dict[str, Any]

RUN_COLUMNS = ("id", "status", "env_steps", "return_mean", "normalized_score", "wall_s")


def columns(kind: str) -> tuple[str, ...]:
    """The columns a person sees; programs get every key."""
    if kind == "runs":
        return RUN_COLUMNS
    extra = ("capabilities",) if kind == "generators" else ()
    return ("id", "description", *extra, "available", "needs")


def rows(kind: str, runs_root: Path) -> list[Row]:
    """One row a thing; every row has ``id``, ``name``, ``description`` and ``available``."""
    if kind == "runs":
        return run_rows(runs_root)
    listed = [*registered(kind), *(demonstrations() if kind == "datasets" else ())]
    return sorted(listed, key=lambda row: row["id"])


def registered(kind: str) -> list[Row]:
    """The members of a registry group; ``needs`` is the command that makes an unavailable one available."""
    from rlsuite.registry import GROUPS

    found = []
    for entry in GROUPS[kind]:
        row: Row = {"id": entry.id, "name": entry.id, "description": entry.description, "available": entry.available}
        if not entry.available:
            row["needs"] = f"uv pip install 'rlsuite[{entry.extra or 'all'}]'"
            row["missing"] = entry.missing
        if kind == "generators":
            row["capabilities"] = list(entry.tags.get("capabilities", ()))
        found.append(row)
    return found


def demonstrations() -> list[Row]:
    """Sets of demonstrations at hand: those that ship and those in the user's Minari folder."""
    from rlsuite.demos import list_sets

    return [
        {"id": id, "name": id, "description": "Demonstrations: `rlsuite demos info` tells more.", "available": True}
        for id in list_sets()
    ]


def run_rows(root: Path) -> list[Row]:
    """Every run below ``root``, oldest first, with its status and final scores."""
    from rlsuite.runs.folder import list_runs

    return [run_row(folder, root) for folder in list_runs(root)]


def run_row(folder: Any, root: Path) -> Row:
    """One run; a broken one is listed as such."""
    from rlsuite.errors import DataError

    id = str(folder.path.relative_to(root)) if folder.path.is_relative_to(root) else str(folder.path)
    row: Row = {"id": id, "name": folder.path.name, "path": str(folder.path), "available": True}
    try:
        summary = folder.read_summary()
    except DataError as error:
        return {**row, "description": str(error), "status": "broken", "available": False, "needs": "a readable summary"}
    final = summary.get("final") or {}
    row["description"] = f"{folder.path.parent.name}: {summary.get('status')}"
    return row | {k: v for k, v in summary.items() if k != "final"} | final
