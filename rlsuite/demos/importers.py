"""Reads demonstrations in the formats people have: Minari, D4RL, npz, the original GAIL files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rlsuite.demos.checks import check_set
from rlsuite.demos.data import DemoSet, Episode
from rlsuite.demos.store import find_folder, read_minari, read_set, write_set
from rlsuite.errors import DataError, UserError

Arrays = Mapping[str, np.ndarray]


def import_set(
    source: str | Path,
    id: str,
    *,
    env_id: str | None = None,
    ref_min_score: float | None = None,
    ref_max_score: float | None = None,
    root: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Bring foreign demonstrations into the Minari folder.

    Args:
        source: A file or folder (see `read_path`), or a Minari id; one that is not on this machine is
            downloaded by Minari.
        id: Minari id to store it under, e.g. ``"my/hopper-v0"``.
        env_id: Gymnasium id of the environment it was recorded in, where the source does not say.
        ref_min_score: Mean return of a random policy, if known.
        ref_max_score: Mean return of the expert, if known.
        root: Minari folder to write under; None for the user's.
        overwrite: Replace a set of the same id.

    Returns:
        Folder of the new set.

    Raises:
        UserError: No such source, or the id is taken.
        DataError: The source cannot be used.
    """
    path = Path(source).expanduser()
    demos = read_path(path) if path.exists() else _read_or_download(str(source))
    demos = replace(demos, id=id)
    if env_id is not None:
        demos = replace(demos, env_spec=spec_json(env_id))
    if ref_min_score is not None:
        demos = replace(demos, ref_min_score=ref_min_score)
    if ref_max_score is not None:
        demos = replace(demos, ref_max_score=ref_max_score)
    return write_set(demos, root, overwrite)


def read_path(path: Path) -> DemoSet:
    """Read a file or folder, telling its format by what is inside.

    A folder is a Minari set. An HDF5 file is D4RL's layout (flat arrays with ``terminals``) or the
    original GAIL one (``obs_B_T_Do``, padded trajectories). An npz is stable-baselines' layout
    (``obs, actions, rewards, episode_starts``).

    Where a file lacks the observation after an episode's last step, that step is dropped.

    Raises:
        UserError: No such file.
        DataError: Damaged or of no known layout.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist (demonstrations)")
    if path.is_dir():
        return _read_folder(path)
    arrays = _npz_arrays(path) if path.suffix == ".npz" else _hdf5_arrays(path)
    for needed, read in _LAYOUTS.items():
        if set(needed) <= set(arrays):
            episodes = _or_damaged(path, read, arrays)
            name = path.stem
            return check_set(DemoSet(id=name, episodes=tuple(episodes), source=str(path)))
    wanted = "; ".join(", ".join(k) for k in _LAYOUTS)
    raise DataError(f"{path} holds {', '.join(sorted(arrays)) or 'nothing'}; expected one of these layouts: {wanted}")


def _read_folder(path: Path) -> DemoSet:
    if (path / "metadata.json").is_file() and path.name == "data":
        path = path.parent
    if not (path / "data" / "metadata.json").is_file():
        raise DataError(f"{path} is no Minari set: it has no data/metadata.json")
    return read_minari(path)


def _read_or_download(id: str) -> DemoSet:
    if find_folder(id) is not None or id.startswith(("/", ".", "~")):
        return read_set(id)
    try:
        from minari import download_dataset

        download_dataset(id)
    except Exception as error:  # no network, no such id, no client library: Minari raises many kinds
        raise UserError(
            f"'{id}' is neither a file nor a set here, and Minari could not download it: {error}"
        ) from error
    return read_set(id)


def _d4rl(arrays: Arrays) -> list[Episode]:
    """Flat arrays; an episode ends at a terminal or a timeout. A piece without an end is kept as cut."""
    terminals = arrays["terminals"].astype(bool).reshape(-1)
    timeouts = arrays.get("timeouts", np.zeros_like(terminals)).astype(bool).reshape(-1)
    starts = np.concatenate([[True], (terminals | timeouts)[:-1]])
    return _flat(arrays["observations"], arrays, starts, terminals, arrays.get("next_observations"))


def _stable_baselines(arrays: Arrays) -> list[Episode]:
    """Flat arrays and ``episode_starts``; the layout does not say how an episode ended."""
    starts = arrays["episode_starts"].astype(bool).reshape(-1).copy()
    starts[:1] = True
    return _flat(arrays["obs"], arrays, starts, np.zeros(len(starts), bool), arrays.get("next_obs"))


def _flat(
    obs: np.ndarray, arrays: Arrays, starts: np.ndarray, terminals: np.ndarray, next_obs: np.ndarray | None
) -> list[Episode]:
    """Cut flat arrays of n steps into episodes."""
    action, reward = _float32(arrays["actions"]), arrays["rewards"].reshape(-1)
    n = len(action)
    for name, array in (("observations", obs), ("rewards", reward), ("episode ends", starts)):
        if len(array) != n:
            raise DataError(f"{len(array)} {name} for {n} actions")
    edges = [*np.flatnonzero(starts).tolist(), n]
    episodes = []
    for a, b in pairwise(edges):
        after = None if next_obs is None else next_obs[b - 1]
        if after is not None or b - a > 1:
            episodes.append(_episode(obs[a:b], action[a:b], reward[a:b], bool(terminals[b - 1]), after))
    return episodes


def _original_gail(arrays: Arrays) -> list[Episode]:
    """Trajectories padded to one length, with ``len_B`` real steps each; how they ended is not stored."""
    parts = (arrays["obs_B_T_Do"], arrays["a_B_T_Da"], arrays["r_B_T"], arrays["len_B"].astype(int))
    if len({len(p) for p in parts}) != 1:
        raise DataError(f"its arrays hold different numbers of trajectories: {[len(p) for p in parts]}")
    longest = min(p.shape[1] for p in parts[:3])
    if len(parts[3]) and parts[3].max() > longest:
        raise DataError(f"len_B says {parts[3].max()} steps, the arrays hold {longest}")
    return [_episode(o[:n], _float32(a[:n]), r[:n], False, None) for o, a, r, n in zip(*parts) if n > 1]


def _episode(
    obs: np.ndarray, action: np.ndarray, reward: np.ndarray, terminal: bool, after: np.ndarray | None
) -> Episode:
    """One episode of n steps; without the observation after the last, of n - 1 cut ones."""
    if after is None:
        n, terminal = len(action) - 1, False
    else:
        n, obs = len(action), np.concatenate([obs, after[None]])
    ends = np.zeros(n, dtype=bool)
    ends[-1:] = True
    return Episode(
        obs=_float32(obs),
        action=action[:n],
        reward=reward[:n].astype(np.float32),
        terminated=ends & terminal,
        truncated=ends & (not terminal),
    )


_LAYOUTS: dict[tuple[str, ...], Callable[[Arrays], list[Episode]]] = {
    ("observations", "actions", "rewards", "terminals"): _d4rl,
    ("obs_B_T_Do", "a_B_T_Da", "r_B_T", "len_B"): _original_gail,
    ("obs", "actions", "rewards", "episode_starts"): _stable_baselines,
}


def _hdf5_arrays(path: Path) -> dict[str, np.ndarray]:
    import h5py

    def read() -> dict[str, np.ndarray]:
        with h5py.File(path, "r") as file:
            return {k: v[()] for k, v in file.items() if isinstance(v, h5py.Dataset)}

    return _or_damaged(path, read)


def _npz_arrays(path: Path) -> dict[str, np.ndarray]:
    def read() -> dict[str, np.ndarray]:
        with np.load(path, allow_pickle=False) as file:  # a pickle inside could run code
            return {k: file[k] for k in file.files}

    return _or_damaged(path, read)


def _or_damaged(path: Path, read: Callable[..., Any], *args: Any) -> Any:
    """Run a reader; whatever a damaged file makes it raise becomes a message with the file's name."""
    try:
        return read(*args)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:
        raise DataError(f"{path} cannot be read, it may be cut short ({type(error).__name__}: {error})") from error


def spec_json(env_id: str) -> str:
    """Gymnasium's spec of a level or Gymnasium id, as JSON.

    Raises:
        UserError: Gymnasium knows no such environment.
    """
    import gymnasium as gym

    bare = env_id.removeprefix("mujoco/").removeprefix("gym/")
    try:
        return gym.spec(bare).to_json()
    except gym.error.Error as error:
        raise UserError(f"Gymnasium knows no environment '{bare}': {error}") from error


def _float32(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if np.issubdtype(array.dtype, np.floating) else array
