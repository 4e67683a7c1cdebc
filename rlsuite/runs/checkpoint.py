"""One checkpoint: a folder of state trees as safetensors and JSON, written aside and renamed.

::

    checkpoints/step_000001000000/
        checkpoint.json              format, step, what it holds, size and CRC-32 of every file
        policy.json policy.safetensors
        training.json training.safetensors
        replay.json replay.safetensors

Every top-level key of the saved mapping is a *part* with files of its own, so a policy is loaded
without the replay buffer beside it, and a buffer is dropped from older checkpoints by deleting two files.
A checkpoint that was cut short is refused by name; one that was never finished has another name.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from rlsuite.errors import DataError, RunError
from rlsuite.runs.files import sync_folder, write_synced, write_text_atomic
from rlsuite.runs.statetree import StateTree, decode, encode, generator_state, load_generator_state

__all__ = [
    "StateTree",
    "generator_state",
    "load_checkpoint",
    "load_generator_state",
    "read_header",
    "save_checkpoint",
    "verify",
]

FORMAT = 1
HEADER = "checkpoint.json"


def save_checkpoint(folder: Path, parts: Mapping[str, StateTree], *, meta: Mapping[str, Any] | None = None) -> None:
    """Write a checkpoint: complete under its name, or not at all.

    Args:
        folder: Where it shall be, e.g. ``run/checkpoints/step_000001000000``. An older one of the
            same name is replaced only once the new one is complete.
        parts: Name of each part to its state tree.
        meta: JSON-able facts for the header (step, score, ...).

    Raises:
        RunError: It could not be written (full disk, no permission). What was there before is unharmed.
    """
    aside = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        files: dict[str, dict[str, int]] = {}
        for name, tree in parts.items():
            files.update(_write_part(aside, name, tree))
        header = {"format": FORMAT, **dict(meta or {}), "parts": list(parts), "files": files}
        write_synced(aside / HEADER, json.dumps(header, indent=1))
        sync_folder(aside)
        _swap_in(aside, folder)
    except (OSError, safetensors.SafetensorError) as error:
        with contextlib.suppress(OSError):
            shutil.rmtree(aside, ignore_errors=True)
        raise RunError(
            f"{folder}: the checkpoint could not be written: {error}. Earlier checkpoints are unharmed; "
            "make room (or fix the folder's permissions) and go on with `rlsuite resume`."
        ) from error


def load_checkpoint(folder: Path, parts: Iterable[str] | None = None) -> dict[str, StateTree]:
    """Read parts of a checkpoint, each file checked against its size and CRC-32 first.

    Args:
        folder: The checkpoint.
        parts: Names of the parts wanted; None for all it holds.

    Returns:
        Name of each part to its state tree, tensors on the CPU.

    Raises:
        DataError: It is not a checkpoint, was cut short or altered, or lacks a part.
    """
    header = read_header(folder)
    wanted = list(header["parts"]) if parts is None else list(parts)
    if missing := [p for p in wanted if p not in header["parts"]]:
        raise DataError(f"{folder} holds no {', '.join(missing)}; it holds {', '.join(header['parts'])}.")
    trees: dict[str, StateTree] = {}
    for name in wanted:
        for file in _part_files(name):
            _check_file(folder / file, header["files"][file])
        trees[name] = _read_part(folder, name)
    return trees


def read_header(folder: Path) -> dict[str, Any]:
    """The checkpoint's own description.

    Raises:
        DataError: There is none, or it cannot be read.
    """
    path = folder / HEADER
    try:
        header = json.loads(path.read_text())
    except FileNotFoundError:
        raise DataError(f"{folder} is not a checkpoint: it has no {HEADER}.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} was cut short or altered: {error}.") from error
    if header.get("format") != FORMAT:
        raise DataError(f"{path} has format {header.get('format')}; this version reads format {FORMAT}.")
    return header


def verify(folder: Path) -> None:
    """Check every file of a checkpoint without loading it.

    Raises:
        DataError: A file is missing, cut short or altered; the message names it.
    """
    header = read_header(folder)
    for part in header["parts"]:
        for file in _part_files(part):
            _check_file(folder / file, header["files"][file])


def drop_part(folder: Path, part: str) -> None:
    """Delete one part of a checkpoint (an old replay buffer); the rest stays loadable at every moment."""
    header = read_header(folder)
    if part not in header["parts"]:
        return
    header["parts"].remove(part)
    for file in _part_files(part):
        del header["files"][file]
    write_text_atomic(folder / HEADER, json.dumps(header, indent=1))
    for file in _part_files(part):
        (folder / file).unlink(missing_ok=True)


def _part_files(name: str) -> tuple[str, str]:
    return f"{name}.json", f"{name}.safetensors"


def _write_part(folder: Path, name: str, tree: StateTree) -> dict[str, dict[str, int]]:
    plain, tensors = encode(tree)
    text, data = _part_files(name)
    write_synced(folder / text, json.dumps(plain, allow_nan=False))
    safetensors.torch.save_file(tensors, folder / data)
    with open(folder / data, "rb") as file:
        os.fsync(file.fileno())
    return {f: _fingerprint(folder / f) for f in (text, data)}


def _read_part(folder: Path, name: str) -> StateTree:
    text, data = _part_files(name)
    try:
        return decode(json.loads((folder / text).read_text()), safetensors.torch.load_file(folder / data))
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise DataError(f"{folder / data} cannot be read: {error}.") from error


def _fingerprint(path: Path) -> dict[str, int]:
    crc, size = 0, 0
    with open(path, "rb") as file:
        while chunk := file.read(1 << 22):
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
    return {"bytes": size, "crc32": crc}


def _check_file(path: Path, expected: Mapping[str, int]) -> None:
    try:
        size = path.stat().st_size
        if size != expected["bytes"]:
            raise DataError(f"{path} was cut short: {size} of {expected['bytes']} bytes.")
        if _fingerprint(path)["crc32"] != expected["crc32"]:
            raise DataError(f"{path} was altered after it was written (its checksum differs).")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error


def _swap_in(aside: Path, folder: Path) -> None:
    """Rename the finished folder into place, moving an older one of the same name out of the way."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.rename(folder, old)
    try:
        os.rename(aside, folder)
    except OSError:
        if old.exists():
            os.replace(old, folder)
        raise
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)
