"""Which checkpoints a run keeps: the last few, the best by evaluation, milestones; replay in the newest only."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlsuite.errors import DataError
from rlsuite.runs.checkpoint import drop_part, read_header, save_checkpoint, verify
from rlsuite.runs.statetree import StateTree

NEWEST_ONLY = "replay"
"""The part that only the newest checkpoint keeps: it is large, and useless for acting."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on disk.

    Attributes:
        path: Its folder.
        step: Env steps taken when it was saved.
        score: Mean return of the evaluation made at this step, or None.
        milestone: Whether it is kept for good.
    """

    path: Path
    step: int
    score: float | None = None
    milestone: bool = False


class CheckpointKeeper:
    """Saves checkpoints under a folder and deletes those that need not stay.

    Args:
        folder: ``run/checkpoints``.
        keep_last: How many of the newest stay.
        keep_best: Whether the one with the best score stays too.
    """

    def __init__(self, folder: Path, keep_last: int = 3, keep_best: bool = True) -> None:
        self.folder = folder
        self.keep_last = keep_last
        self.keep_best = keep_best

    def save(
        self,
        step: int,
        parts: Mapping[str, StateTree],
        *,
        score: float | None = None,
        milestone: bool = False,
        meta: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write the checkpoint of a step, then tidy up.

        Raises:
            RunError: It could not be written; earlier ones are unharmed.
        """
        path = self.folder / f"step_{step:012d}"
        facts = {"step": step, "score": score, "milestone": milestone, **dict(meta or {})}
        save_checkpoint(path, parts, meta=facts)
        self.tidy()
        return path

    def list(self) -> list[Checkpoint]:
        """Every finished checkpoint whose header can be read, oldest first."""
        found = []
        for path in sorted(self.folder.glob("step_*")):
            try:
                header = read_header(path)
                found.append(Checkpoint(path, header["step"], header.get("score"), bool(header.get("milestone"))))
            except (DataError, KeyError):
                continue  # `newest_sound` names it; the others must stay usable
        return found

    def newest_sound(self) -> tuple[Checkpoint, list[str]]:
        """The newest checkpoint that is complete, and what is wrong with each newer one.

        Raises:
            DataError: There is none; the message says what is wrong with each.
        """
        problems: list[str] = []
        for path in sorted(self.folder.glob("step_*"), reverse=True):
            try:
                verify(path)
                header = read_header(path)
                return Checkpoint(path, header["step"], header.get("score"), bool(header.get("milestone"))), problems
            except DataError as error:
                problems.append(str(error))
        if problems:
            raise DataError("no checkpoint of this run can be used:\n" + "\n".join(f"  {p}" for p in problems))
        raise DataError(f"{self.folder} holds no checkpoint: the run ended before its first one. Start it anew.")

    def best(self) -> Checkpoint | None:
        """The checkpoint with the highest score, the later one of equals."""
        scored = [c for c in self.list() if c.score is not None]
        return max(scored, key=lambda c: (c.score or 0.0, c.step), default=None)

    def discard_after(self, step: int) -> None:
        """Delete checkpoints of later steps (broken ones, when a run goes on from an earlier one)."""
        for path in self.folder.glob("step_*"):
            if int(path.name.removeprefix("step_")) > step:
                shutil.rmtree(path, ignore_errors=True)

    def tidy(self) -> None:
        """Delete what need not stay, and replay buffers of all but the newest."""
        checkpoints = self.list()
        for checkpoint in self._superfluous(checkpoints):
            shutil.rmtree(checkpoint.path, ignore_errors=True)
        for checkpoint in checkpoints[:-1]:
            if checkpoint.path.exists():
                drop_part(checkpoint.path, NEWEST_ONLY)

    def _superfluous(self, checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
        best = self.best() if self.keep_best else None
        spared = {c.path for c in checkpoints[-self.keep_last :]} | ({best.path} if best else set())
        return [c for c in checkpoints if c.path not in spared and not c.milestone]

    def repair(self) -> None:
        """Undo a swap that a crash cut between its two renames; for the process that holds the run."""
        for old in self.folder.glob(".step_*.old"):
            place = old.with_name(old.name[1 : -len(".old")])
            if not place.exists():
                old.rename(place)
