"""Writes demonstrations in formats that other libraries read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np

from rlsuite.demos.data import DemoSet
from rlsuite.demos.store import read_set, write_set
from rlsuite.errors import UserError


def export_set(id: str, path: str | Path, format: Literal["npz", "d4rl", "minari"] | None = None) -> Path:
    """Write a set elsewhere.

    Args:
        id: The set, or a path to one.
        path: File to write; for ``minari`` the Minari folder to put it under.
        format: ``npz`` (stable-baselines' layout plus ``next_obs``, ``terminals``), ``d4rl`` (HDF5) or
            ``minari``; None tells by the ending (.npz, .hdf5, .h5, otherwise Minari).

    Returns:
        What was written.

    Raises:
        UserError: The file exists already, or the set does not.
    """
    path = Path(path).expanduser()
    format = format or {".npz": "npz", ".hdf5": "d4rl", ".h5": "d4rl"}.get(path.suffix, "minari")  # type: ignore[assignment]
    demos = read_set(id)
    if format == "minari":
        return write_set(demos, path)
    if path.exists():
        raise UserError(f"{path} exists already; choose another name")
    arrays = _flat_arrays(demos)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write_npz(aside, arrays) if format == "npz" else _write_d4rl(aside, arrays)
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def _flat_arrays(demos: DemoSet) -> dict[str, np.ndarray]:
    """D4RL's names, all episodes one after the other."""
    episodes = demos.episodes
    return {
        "observations": np.concatenate([e.obs[:-1] for e in episodes]),
        "actions": np.concatenate([e.action for e in episodes]),
        "rewards": np.concatenate([e.reward for e in episodes]),
        "next_observations": np.concatenate([e.obs[1:] for e in episodes]),
        "terminals": np.concatenate([e.terminated for e in episodes]),
        "timeouts": np.concatenate([_ends_untermined(e.terminated) for e in episodes]),
    }


def _ends_untermined(terminated: np.ndarray) -> np.ndarray:
    """True at the last step unless it terminated: D4RL readers cut there."""
    ends = np.zeros(len(terminated), dtype=bool)
    ends[-1] = not terminated[-1]
    return ends


def _write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    ends = arrays["terminals"] | arrays["timeouts"]
    starts = np.concatenate([[True], ends[:-1]])
    totals = np.add.reduceat(arrays["rewards"].astype(np.float64), np.flatnonzero(starts))
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            obs=arrays["observations"],
            actions=arrays["actions"],
            rewards=arrays["rewards"],
            next_obs=arrays["next_observations"],
            terminals=arrays["terminals"],
            episode_starts=starts,
            episode_returns=totals,
        )


def _write_d4rl(path: Path, arrays: dict[str, np.ndarray]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip")
