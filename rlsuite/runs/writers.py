"""Where metrics go: ``metrics.jsonl`` and TensorBoard, cut back to a checkpoint when a run goes on."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat

from rlsuite.errors import RunError
from rlsuite.runs.folder import RunFolder


class JsonlWriter(KVWriter):
    """One JSON object a line: ``step``, ``wall_s`` and every scalar.

    Args:
        path: ``metrics.jsonl``; lines are added at its end.
        wall_s: Tells the run's wall-clock seconds.
    """

    def __init__(self, path: Path, wall_s: Callable[[], float]) -> None:
        self._path = path
        self._wall_s = wall_s
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 (open as long as the run)

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """Add a line.

        Raises:
            RunError: It cannot be written.
        """
        line: dict[str, Any] = {"step": step, "wall_s": round(self._wall_s(), 3)}
        for key in sorted(key_values):
            if "json" not in (key_excluded.get(key) or ()) and (value := _plain(key_values[key])) is not None:
                line[key] = None if isinstance(value, float) and not math.isfinite(value) else value
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise RunError(f"{self._path} could not be written: {error}.") from error

    def sync(self) -> None:
        """Wait until the disk has every line."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RunError(f"{self._path} could not be written: {error}.") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _plain(value: Any) -> float | int | str | bool | None:
    """A JSON scalar, or None for pictures, films and histograms."""
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        return value.item()
    if isinstance(value, (np.ndarray, np.generic)) and value.size == 1:
        return value.item()
    return value if isinstance(value, (float, int, str, bool)) else None


class MetricWriters:
    """A run's writers and the stable-baselines3 logger that feeds them.

    Args:
        folder: The run.
        wall_s: Tells the run's wall-clock seconds.
    """

    def __init__(self, folder: RunFolder, wall_s: Callable[[], float]) -> None:
        self._folder = folder
        self.jsonl = JsonlWriter(folder.metrics, wall_s)
        _wait_for_a_later_name(folder.tensorboard)
        self.tensorboard = TensorBoardOutputFormat(str(folder.tensorboard))
        self.logger = Logger(str(folder.path), [self.jsonl, self.tensorboard])

    def write(self, values: Mapping[str, Any], step: int) -> None:
        """Write metrics of their own at once, leaving what the logger has collected untouched."""
        for writer in self.logger.output_formats:
            assert isinstance(writer, KVWriter)
            writer.write(dict(values), dict.fromkeys(values, ("",)), step)

    def position(self) -> dict[str, Any]:
        """Flush, and say how long each file is: what `cut_back` cuts to."""
        self.jsonl.sync()
        self.tensorboard.writer.flush()
        events = {p.name: p.stat().st_size for p in sorted(self._folder.tensorboard.iterdir()) if p.is_file()}
        return {"metrics": self._folder.metrics.stat().st_size, "tensorboard": events}

    def pending(self) -> dict[str, list[Any]]:
        """What the logger has collected and not yet written (part of a checkpoint)."""
        log = self.logger
        return {k: [_plain(v), log.name_to_count[k]] for k, v in log.name_to_value.items() if _plain(v) is not None}

    def restore_pending(self, pending: Mapping[str, list[Any]]) -> None:
        """Bring `pending` back."""
        for key, (value, count) in pending.items():
            self.logger.record(key, value)
            self.logger.name_to_count[key] = count

    def close(self) -> None:
        """Close every writer."""
        self.logger.close()


def _wait_for_a_later_name(folder: Path) -> None:
    """Wait, a second at most, until a new event file is named after a later second than those in the folder.

    TensorBoard reads a run's event files in the order of their names, ``events.out.tfevents.SECOND.HOST.PID``: of two
    files of one second (a run killed and resumed at once) the process with the smaller number would come first.
    """
    stamps = [part for file in folder.glob("events.*") for part in file.name.split(".")[3:4] if part.isdecimal()]
    if stamps:
        time.sleep(min(max(max(map(int, stamps)) + 1 - time.time(), 0.0), 1.0))


def cut_back(folder: RunFolder, position: Mapping[str, Any]) -> None:
    """Cut ``metrics.jsonl`` and TensorBoard's files back to where they were at a checkpoint.

    Raises:
        RunError: They cannot be changed.
    """
    try:
        _truncate(folder.metrics, int(position["metrics"]))
        events: Mapping[str, int] = position["tensorboard"]
        for file in folder.tensorboard.glob("events.*"):
            if file.name in events:
                _truncate(file, events[file.name])
            else:
                file.unlink()
    except OSError as error:
        raise RunError(f"{folder.path}: metrics could not be cut back to the checkpoint: {error}.") from error


def _truncate(path: Path, size: int) -> None:
    if not path.exists() or path.stat().st_size <= size:
        return
    with open(path, "r+b") as file:
        file.truncate(size)
