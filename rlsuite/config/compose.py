"""Puts an experiment together: the file, what it extends, the overrides. No interpolation, no code."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlsuite.config.tree import KeyPath, Origin, Tree, dotted, kind_changes, merge, short_path, walk
from rlsuite.config.yaml_io import parse_value, read
from rlsuite.errors import ConfigError

EXPERIMENTS = Path("experiments")


@dataclass
class Composed:
    """An experiment before it is checked.

    Attributes:
        tree: The merged values with their origins, overrides not yet applied.
        overrides: Dotted paths and values, in the order given.
        sources: Text of each file, the experiment's own first.
        name: Name of the experiment if it gives none itself.
    """

    tree: Tree
    overrides: list[tuple[KeyPath, Any, Origin]] = field(default_factory=list)
    sources: dict[Path, str] = field(default_factory=dict)
    name: str = "experiment"


def compose(source: str | Path | Mapping[str, Any], overrides: Iterable[str] | Mapping[str, Any] = ()) -> Composed:
    """Read a file with all it extends, and the overrides.

    Raises:
        ConfigError: A file is missing or broken, they extend each other in a circle, or an override is
            not ``key=value``.
    """
    composed = Composed(Tree())
    if isinstance(source, Mapping):
        tree = Tree(copy.deepcopy(dict(source)))
        tree.origins = {path: Origin("mapping", text="the mapping") for path in walk(tree.values)}
        composed.tree = _extended(tree, None, (), composed.sources)
    else:
        path = find_experiment(Path(source))
        composed.name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).lstrip("-._") or composed.name
        composed.tree = _load(path, (), composed.sources)
    composed.overrides = _parse_overrides(overrides)
    return composed


def find_experiment(path: Path) -> Path:
    """The file itself, or the one of that name in ``./experiments``.

    Raises:
        ConfigError: There is neither; the message names the nearest.
    """
    for candidate in (path, EXPERIMENTS / path, EXPERIMENTS / f"{path}.yaml"):
        if candidate.is_file():
            return candidate
    import difflib

    folder = path.parent if path.parent.is_dir() and path.parent != Path() else EXPERIMENTS
    known = sorted(p.name for p in folder.glob("*.yaml"))
    near = difflib.get_close_matches(path.name, known, n=2, cutoff=0.5)
    hint = f"; did you mean {' or '.join(str(folder / n) for n in near)}?" if near else ""
    raise ConfigError(f"there is no experiment file {path}{hint}")


def _load(path: Path, chain: tuple[Path, ...], sources: dict[Path, str]) -> Tree:
    resolved = path.resolve()
    if resolved in chain:
        circle = " -> ".join(short_path(p) for p in (*chain[chain.index(resolved) :], resolved))
        raise ConfigError(f"these files extend each other in a circle: {circle}")
    tree, text = read(path)
    sources[path] = text
    return _extended(tree, path, (*chain, resolved), sources)


def _extended(tree: Tree, path: Path | None, chain: tuple[Path, ...], sources: dict[Path, str]) -> Tree:
    """The tree laid over what its ``extends`` names (one file or a list; later ones win)."""
    names = tree.values.pop("extends", None)
    origin = tree.origins.pop(("extends",), None)
    for extra in [p for p in tree.origins if p[:1] == ("extends",)]:
        del tree.origins[extra]
    if names is None:
        return tree
    names = names if isinstance(names, list) else [names]
    base = Tree()
    for name in names:
        if not isinstance(name, str):
            raise ConfigError(f"{origin}: extends must be a file name or a list of them, found {name!r}")
        base = merge(base, _load(_find_base(name, path, origin), chain, sources))
    return merge(base, tree)


def _find_base(name: str, path: Path | None, origin: Origin | None) -> Path:
    beside = (path.parent if path else Path()) / name
    candidates = [beside, EXPERIMENTS / name]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    looked = " and ".join(dict.fromkeys(short_path(c) for c in candidates))
    raise ConfigError(f"{origin}: extends names {name}, which is not there (looked for {looked})")


def _parse_overrides(overrides: Iterable[str] | Mapping[str, Any]) -> list[tuple[KeyPath, Any, Origin]]:
    if isinstance(overrides, str):
        overrides = [overrides]
    if isinstance(overrides, Mapping):
        return [(_path(k), v, Origin("override", Path.cwd() / "-", text=f"override {k}")) for k, v in overrides.items()]
    parsed = []
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise ConfigError(
                f"--set {text}: write it as key=value, for example --set agent.learner.learning_rate=3e-4"
            )
        try:
            parsed_value = parse_value(value)
        except (ValueError, ConfigError) as error:
            raise ConfigError(f"--set {text}: the value is not YAML: {error}") from None
        origin = Origin("override", Path.cwd() / "-", text=f"--set {text}")
        parsed.append((_path(key.strip()), parsed_value, origin))
    return parsed


def _path(key: str) -> KeyPath:
    return tuple(int(part) if part.isdigit() else part for part in key.split("."))


def apply(tree: Tree, path: KeyPath, value: Any, origin: Origin) -> None:
    """Write one override; a section whose ``kind`` it changes loses its other keys.

    Raises:
        ConfigError: The path runs through something that is not a section.
    """
    section = tree.get(path[:-1])
    over = {"kind": value}
    if path[-1] == "kind" and path[:-1] and isinstance(section, dict) and kind_changes(section, over, path[:-1]):
        path, value = path[:-1], over
    try:
        tree.put(path, value, origin)
    except LookupError as error:
        raise ConfigError(f"{origin}: {dotted(path)} cannot be set: {error.args[0]}") from None
