"""Sets on the disk: the shipped ones and the user's Minari folder, in Minari's own format."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rlsuite.demos.checks import check_set
from rlsuite.demos.data import DemoSet, Episode
from rlsuite.errors import DataError, UserError

SHIPPED = Path(__file__).parent / "data"
"""Sets that come with the package, laid out as a Minari folder."""


def user_root() -> Path:
    """The user's Minari folder: ``MINARI_DATASETS_PATH``, or Minari's default in the home folder."""
    return Path(os.environ.get("MINARI_DATASETS_PATH") or Path.home() / ".minari" / "datasets")


def list_sets() -> list[str]:
    """Ids of every set that ships or lies in the user's folder, sorted."""
    return sorted({id for root in (SHIPPED, user_root()) for id in _ids_under(root)})


def find_folder(id: str) -> Path | None:
    """The Minari folder of an id, shipped sets first, or None."""
    for root in (SHIPPED, user_root()):
        if (root / id / "data" / "metadata.json").is_file():
            return root / id
    return None


def read_set(id: str) -> DemoSet:
    """Read a set by its id, or a file or folder by its path.

    Raises:
        UserError: No such id or path; the message names the nearest ids.
        DataError: It is there and cannot be used.
    """
    if _is_path(id):
        from rlsuite.demos.importers import read_path

        return read_path(Path(id).expanduser())
    folder = find_folder(id)
    if folder is None:
        import difflib

        near = difflib.get_close_matches(id, list_sets(), n=2, cutoff=0.3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UserError(
            f"no demonstrations '{id}'{hint} Looked in the shipped sets and in {user_root()}. "
            "`rlsuite demos list` lists them; a path begins with ./ or /."
        )
    return read_minari(folder, id)


def read_minari(folder: Path, id: str | None = None) -> DemoSet:
    """Read one Minari folder (the one that holds ``data/metadata.json``).

    Raises:
        DataError: Truncated, of an unknown version, or not usable as demonstrations.
    """
    from minari.dataset.minari_dataset import MinariDataset

    try:
        dataset = MinariDataset(folder / "data")
        raw = [_episode_arrays(e) for e in dataset.storage.get_episodes(dataset.episode_indices)]
        metadata = dataset.storage.metadata
    except DataError:
        raise
    except Exception as error:  # h5py, json and Minari raise many kinds for a damaged file
        raise DataError(f"{folder} is no readable Minari set ({type(error).__name__}: {error})") from error
    declared = int(metadata.get("total_episodes", len(raw)))  # type: ignore[arg-type]
    if declared != len(raw):
        raise DataError(f"{folder} declares {declared} episodes and holds {len(raw)}; the file may be cut short")
    return check_set(
        DemoSet(
            id=id or str(metadata["dataset_id"]),
            episodes=tuple(raw),
            env_spec=_text(metadata.get("env_spec")),
            ref_min_score=_number(metadata.get("ref_min_score")),
            ref_max_score=_number(metadata.get("ref_max_score")),
            algorithm=_text(metadata.get("algorithm_name")) or "",
            description=_text(metadata.get("description")) or "",
            source=str(folder),
        )
    )


def write_set(demos: DemoSet, root: Path | None = None, overwrite: bool = False) -> Path:
    """Write a set in Minari's format, beside its place first and renamed when complete.

    Args:
        demos: What to write; its ``id`` is a Minari id (``namespace/name-v0``).
        root: The Minari folder to write under; None for the user's.
        overwrite: Replace a set of the same id.

    Returns:
        Folder of the set.

    Raises:
        UserError: The id is taken or no Minari id.
    """
    from minari.dataset.minari_dataset import parse_dataset_id

    try:
        parse_dataset_id(demos.id)
    except (ValueError, TypeError) as error:
        raise UserError(f"'{demos.id}' is no Minari id; use namespace/name-v0, e.g. my/hopper-v0") from error
    check_set(demos)
    root = Path(root or user_root())
    target = root / demos.id
    if target.exists() and not overwrite:
        raise UserError(f"{target} exists already; choose another id or pass overwrite")
    aside = root / f".writing-{os.getpid()}"
    try:
        _write_minari(demos, aside)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        (aside / demos.id).rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _mark_namespaces(root, target)
    return target


def _write_minari(demos: DemoSet, root: Path) -> None:
    """Let Minari write under ``root``: its folder is an environment variable."""
    from minari import create_dataset_from_buffers
    from minari.data_collector.episode_buffer import EpisodeBuffer

    buffers = [
        EpisodeBuffer(
            id=i,
            observations=e.obs,  # type: ignore[arg-type]  # Minari stores arrays as they are
            actions=e.action,  # type: ignore[arg-type]
            rewards=e.reward,  # type: ignore[arg-type]
            terminations=e.terminated,  # type: ignore[arg-type]
            truncations=e.truncated,  # type: ignore[arg-type]
        )
        for i, e in enumerate(demos.episodes)
    ]
    observation_space, action_space = spaces_of(demos)
    before = os.environ.get("MINARI_DATASETS_PATH")
    os.environ["MINARI_DATASETS_PATH"] = str(root)
    try:
        create_dataset_from_buffers(
            demos.id,
            buffers,
            env=None,
            observation_space=observation_space,
            action_space=action_space,
            algorithm_name=demos.algorithm or "unknown",
            author="unknown",
            author_email="unknown",
            code_permalink="unknown",
            description=demos.description or "unknown",
            jpeg_encoding=False,
        )
    finally:
        if before is None:
            del os.environ["MINARI_DATASETS_PATH"]
        else:
            os.environ["MINARI_DATASETS_PATH"] = before
    _add_metadata(root / demos.id / "data" / "metadata.json", demos)


def spaces_of(demos: DemoSet) -> tuple[Any, Any]:
    """Spaces as the data shows them: the environment's action space if it is known, otherwise its range."""
    from gymnasium import spaces

    first = demos.episodes[0]
    observation = spaces.Box(-np.inf, np.inf, first.obs.shape[1:], first.obs.dtype.type)
    if first.obs.dtype == np.uint8:
        observation = spaces.Box(0, 255, first.obs.shape[1:], np.uint8)
    if np.issubdtype(first.action.dtype, np.integer):
        return observation, spaces.Discrete(int(max(e.action.max() for e in demos.episodes)) + 1)
    return observation, spaces.Box(-np.inf, np.inf, first.action.shape[1:], first.action.dtype.type)


def _add_metadata(path: Path, demos: DemoSet) -> None:
    """Add what Minari would compute by playing the environment: spec and reference scores."""
    metadata = json.loads(path.read_text())
    for key in ("env_spec", "ref_min_score", "ref_max_score"):
        if (value := getattr(demos, key)) is not None:
            metadata[key] = value
    path.write_text(json.dumps(metadata))


def _mark_namespaces(root: Path, target: Path) -> None:
    """Give every folder between root and set the marker that makes it a Minari namespace."""
    for folder in target.relative_to(root).parents:
        marker = root / folder / "namespace_metadata.json"
        if folder != Path(".") and not marker.exists():
            marker.write_text("{}")


def _episode_arrays(episode: dict[str, Any]) -> Episode:
    obs, action = episode["observations"], episode["actions"]
    if not isinstance(obs, np.ndarray) or not isinstance(action, np.ndarray):
        raise DataError("its observations or actions are dicts or tuples; flatten them before using the set")
    return Episode(
        obs=_float32(obs),
        action=_float32(action),
        reward=np.asarray(episode["rewards"], dtype=np.float32),
        terminated=np.asarray(episode["terminations"], dtype=bool),
        truncated=np.asarray(episode["truncations"], dtype=bool),
    )


def _float32(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _ids_under(root: Path) -> Iterator[str]:
    if root.is_dir():
        for found in root.rglob("metadata.json"):
            if found.parent.name == "data":
                yield found.parent.parent.relative_to(root).as_posix()


def _is_path(id: str) -> bool:
    return id.startswith(("/", "./", "../", "~")) or (Path(id).is_absolute())


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
