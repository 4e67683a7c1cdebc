"""Run folders as data to draw: metrics, seed, how it ended, what it can be compared with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rlsuite.errors import DataError, UserError
from rlsuite.runs.folder import RunFolder, list_runs


@dataclass(frozen=True)
class RunData:
    """What a plot needs to know of one run.

    Attributes:
        path: Its folder.
        experiment: Name of its experiment.
        level: Level id, or "".
        seed: Its seed.
        status: ``running``, ``done``, ``failed``, ``interrupted`` or ``unknown``.
        rows: The lines of ``metrics.jsonl``.
        final: ``final`` of ``summary.json``, or empty.
        summary: The whole of it.
        budget: Env steps it was to take, or None.
    """

    path: Path
    experiment: str
    level: str
    seed: int
    status: str
    rows: Sequence[dict[str, Any]] = field(repr=False)
    final: dict[str, Any] = field(default_factory=dict, repr=False)
    summary: dict[str, Any] = field(default_factory=dict, repr=False)
    budget: int | None = None

    @property
    def censored(self) -> bool:
        """Whether it ended before its budget, so that what would have come is unknown."""
        return self.status not in ("done", "unknown")

    def series(self, key: str, x: str = "env_steps") -> tuple[np.ndarray, np.ndarray]:
        """Points of a metric, (n,) x and (n,) y, with x rising; lines without it or without a number are left out.

        Args:
            key: E.g. ``rollout/ep_rew_mean``.
            x: ``env_steps``, ``wall_s``, ``train_s``, ``frames``, or any other metric.
        """
        name = X_KEYS.get(x, (x, ""))[0]
        points = [(r[name], r[key]) for r in self.rows if _is_number(r.get(name)) and _is_number(r.get(key))]
        xs, ys = np.array(points, dtype=np.float64).reshape(-1, 2).T
        order = np.argsort(xs, kind="stable")
        last = np.append(np.diff(xs[order]) > 0, True)[: len(xs)]  # the newest of points at one x
        return xs[order][last], ys[order][last]

    def keys(self) -> set[str]:
        """Every metric it wrote."""
        return {k for r in self.rows for k in r}


X_KEYS = {
    "env_steps": ("step", "env steps"),
    "wall_s": ("wall_s", "wall-clock time (s)"),
    "train_s": ("time/train_s", "training time (s)"),
    "frames": ("time/frames", "engine frames"),
}


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a ``metrics.jsonl``; a last line that a kill cut short is left out.

    Raises:
        DataError: It is missing, or a line before the last is broken.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    rows = []
    last = max((i for i, line in enumerate(lines) if line.strip()), default=-1)
    for i, line in enumerate(lines[: last + 1]):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("not a JSON object")
        except ValueError as error:
            if i == last:
                break
            raise DataError(f"{path}:{i + 1}: {error}; the line was cut or altered.") from error
        rows.append(row)
    return rows


def read_run(path: Path) -> RunData:
    """Read one run's folder.

    Raises:
        DataError: Its metrics cannot be read.
    """
    folder = RunFolder(path)
    manifest = _lenient(folder.read_manifest)
    summary = _lenient(folder.read_summary)
    config = _config(folder)
    return RunData(
        path=path,
        experiment=_text(manifest.get("experiment")) or _text(config.get("name")) or path.resolve().parent.name,
        level=_text((config.get("env") or {}).get("id")),
        seed=_seed(manifest, config, path),
        status=summary.get("status", "unknown"),
        rows=read_metrics(folder.metrics),
        final=summary.get("final") or {},
        summary=summary,
        budget=(config.get("budget") or {}).get("env_steps"),
    )


def read_runs(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[RunData]:
    """Every run at or below the given paths: runs themselves, experiments' folders, ``runs/``.

    Raises:
        UserError: A path holds no run.
        DataError: A run cannot be read.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found: dict[Path, RunData] = {}
    for name in given:
        folders = list_runs(Path(name)) or [RunFolder.find(name)]
        for folder in folders:
            found.setdefault(folder.path.resolve(), read_run(folder.path))
    if not found:
        raise UserError("no run to draw was named; `rlsuite ls runs` lists them")
    return list(found.values())


def references(runs: Iterable[RunData], key: str) -> dict[str, float]:
    """Levels to compare with that all the runs share: the expert's return, the random policy's, others.

    Args:
        runs: Those that are drawn.
        key: What is drawn; only returns and normalised scores have references.
    """
    field_name = {"rollout/ep_rew_mean": "return_mean", "eval/mean_reward": "return_mean"}.get(key, "")
    field_name = "normalized_score" if key == "eval/normalized_score" else field_name
    common: dict[str, float] | None = None
    for run in runs:
        rows = run.final.get("baselines") or {}
        own = {n: float(r[field_name]) for n, r in rows.items() if _is_number((r or {}).get(field_name))}
        if common is None:
            common = own
        else:
            common = {n: v for n, v in common.items() if n in own and np.isclose(own[n], v, rtol=0.02)}
    return common or {}


def _config(folder: RunFolder) -> dict[str, Any]:
    """The resolved experiment as plain data; a plot must not fail because the schema moved on."""
    from ruamel.yaml import YAML

    try:
        value = YAML(typ="safe", pure=True).load(folder.resolved.read_text(encoding="utf-8"))
    except Exception:  # missing or of another time: the folder's name says enough to draw
        return {}
    return value if isinstance(value, dict) else {}


def _seed(manifest: dict[str, Any], config: dict[str, Any], path: Path) -> int:
    for value in (manifest.get("seed"), config.get("seed")):
        if isinstance(value, int):
            return value
    marks = [p[1:] for p in path.name.split("-") if p[:1] == "s" and p[1:].isdigit()]
    return int(marks[0]) if marks else 0


def _lenient(read: Any) -> dict[str, Any]:
    try:
        return read()
    except DataError:
        return {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
