"""The folder of one run: where everything lies, and the lock that keeps a second process out."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from rlsuite.errors import DataError, RunError, UserError
from rlsuite.runs.files import write_text_atomic

Status = Literal["running", "done", "failed", "interrupted"]


class RunFolder:
    """``runs/<experiment>/<yyyymmdd-hhmmss>-s<seed>-<hex>/``. Nothing in it names its own place, so it can be moved.

    Args:
        path: The folder; `create` and `find` are the usual doors.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.resolved = path / "config.resolved.yaml"
        self.manifest = path / "manifest.json"
        self.metrics = path / "metrics.jsonl"
        self.tensorboard = path / "tb"
        self.checkpoints = path / "checkpoints"
        self.videos = path / "videos"
        self.plots = path / "plots"
        self.log = path / "log.txt"
        self.summary = path / "summary.json"

    @classmethod
    def create(cls, experiment: str, seed: int, root: Path) -> RunFolder:
        """Make a new run's folder.

        Raises:
            RunError: It cannot be made (no permission, full disk).
        """
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = cls(root / experiment / f"{stamp}-s{seed}-{secrets.token_hex(2)}")
        try:
            for sub in (folder.tensorboard, folder.checkpoints, folder.videos, folder.plots):
                sub.mkdir(parents=True)
        except OSError as error:
            raise RunError(f"{folder.path}: the run's folder could not be made: {error}.") from error
        return folder

    @classmethod
    def find(cls, path: str | os.PathLike[str]) -> RunFolder:
        """The run at ``path``, or the newest run below it if it is an experiment's folder.

        Raises:
            UserError: There is none.
        """
        given = Path(path)
        if (given / "manifest.json").is_file():
            return cls(given)
        for parent in given.parents:  # a checkpoint or a file of a run names the run
            if parent != Path() and (parent / "manifest.json").is_file():
                return cls(parent)
        if runs := list_runs(given):
            return runs[-1]
        what = "is no run: it has no manifest.json" if given.exists() else "does not exist"
        raise UserError(f"{given} {what}. Name a run's folder, for example one that `rlsuite ls runs` lists.")

    def read_manifest(self) -> dict[str, Any]:
        """The manifest.

        Raises:
            DataError: It is missing or broken.
        """
        return _read_json(self.manifest)

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replace the manifest.

        Raises:
            RunError: It cannot be written.
        """
        self._write_json(self.manifest, manifest)

    def read_summary(self) -> dict[str, Any]:
        """The summary; a run that says ``running`` while no process holds it was killed: ``interrupted``.

        Raises:
            DataError: It is missing or broken.
        """
        summary = _read_json(self.summary)
        if summary.get("status") == "running" and not self.is_held():
            summary["status"] = "interrupted"
        return summary

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Replace the summary.

        Raises:
            RunError: It cannot be written.
        """
        self._write_json(self.summary, summary)

    def write_text(self, path: Path, text: str) -> None:
        """Write a small file of the run, whole or not at all.

        Raises:
            RunError: It cannot be written.
        """
        try:
            write_text_atomic(path, text)
        except OSError as error:
            raise RunError(f"{path} could not be written: {error}.") from error

    def _write_json(self, path: Path, value: dict[str, Any]) -> None:
        self.write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other processes from writing this run. The lock dies with the process, however it dies.

        Raises:
            RunError: Another process writes it.
        """
        path = self.path / ".lock"
        try:
            file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 (held open as long as the lock)
        except OSError as error:
            raise RunError(f"{path} could not be opened: {error}.") from error
        with file:
            if not _try_lock(file.fileno()):
                file.seek(0)
                owner = file.read().strip() or "another process"
                raise RunError(
                    f"{self.path} is being written by {owner}. Wait for it, stop it (Ctrl-C there saves), "
                    "or start a new run."
                )
            with contextlib.suppress(OSError):  # who holds it is a courtesy; a full disk must not matter
                file.truncate(0)
                file.write(f"process {os.getpid()} on {socket.gethostname()}")
                file.flush()
            yield

    def is_held(self) -> bool:
        """Whether a process writes this run now."""
        try:
            with open(self.path / ".lock", encoding="utf-8") as file:
                return not _try_lock(file.fileno())
        except OSError:
            return False


def list_runs(root: Path) -> list[RunFolder]:
    """Every run at or below ``root`` (two levels), by time of creation."""
    manifests = [*root.glob("manifest.json"), *root.glob("*/manifest.json"), *root.glob("*/*/manifest.json")]
    return [RunFolder(m.parent) for m in sorted(manifests, key=lambda m: (m.parent.name, str(m)))]


def _try_lock(descriptor: int) -> bool:
    """Take the file's lock without waiting; it is released when the file is closed."""
    try:
        import fcntl
    except ImportError:  # Windows has no flock: no protection there
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise DataError(f"{path} does not hold a JSON object.")
    return value
