"""Plain data with an origin for every value: what YAML files and overrides are merged into."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Origin:
    """Who wrote a value.

    Attributes:
        kind: ``file``, ``override`` (``--set``), ``shorthand`` (filled in by ``agent.kind``) or ``smoke``.
        file: The file that wrote it, or whose directory its relative paths belong to.
        line: Line in that file, from 1; 0 where there is none.
        text: What to call it where there is no line, e.g. ``--set seed=3``.
    """

    kind: Literal["file", "override", "shorthand", "smoke", "mapping"]
    file: Path | None = None
    line: int = 0
    text: str = ""

    def __str__(self) -> str:
        if self.kind == "file" and self.file is not None:
            return f"{short_path(self.file)}:{self.line}" if self.line else short_path(self.file)
        return self.text


@dataclass
class Tree:
    """Nested dicts, lists and scalars, and an origin for each key path in it."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)

    def get(self, path: KeyPath, default: Any = None) -> Any:
        """The value at ``path``, or ``default``."""
        node: Any = self.values
        for key in path:
            if isinstance(node, list):
                node = dict(enumerate(node))
            if not isinstance(node, Mapping) or key not in node:
                return default
            node = node[key]
        return node

    def origin(self, path: KeyPath) -> Origin | None:
        """The origin of ``path``, or of the nearest thing around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
        return None

    def put(self, path: KeyPath, value: Any, origin: Origin) -> None:
        """Write ``value`` at ``path``; mappings on the way are made, lists grow by one at their end.

        Raises:
            LookupError: Something on the way is neither, or a list has no such place.
        """
        node = self._container(path, origin)
        key = path[-1]
        if isinstance(node, dict):
            if not isinstance(key, str):
                raise LookupError(f"{dotted(path[:-1])} has named keys, not places")
            node[key] = value
        else:
            _put_item(node, path, value)
        self._forget(path)
        for below in walk(value, path):
            self.origins[below] = origin

    def _container(self, path: KeyPath, origin: Origin) -> dict[str, Any] | list[Any]:
        node: Any = self.values
        for depth, key in enumerate(path[:-1], start=1):
            here, after = path[:depth], path[depth]
            child = self.get(here)
            if child is None:
                child = [] if isinstance(after, int) else {}
                if isinstance(node, list):
                    _put_item(node, here, child)
                else:
                    node[key] = child
                self.origins[here] = origin
            if not isinstance(child, dict | list):
                raise LookupError(f"{dotted(here)} is {found(child)}, so it has no {path[depth]!r}")
            node = child
        return node

    def _forget(self, path: KeyPath) -> None:
        for known in [p for p in self.origins if p[: len(path)] == path]:
            del self.origins[known]


def _put_item(items: list[Any], path: KeyPath, value: Any) -> None:
    index = path[-1]
    if not isinstance(index, int) or not 0 <= index <= len(items):
        places = f"0 to {len(items)}" if items else "0"
        raise LookupError(f"{dotted(path[:-1])} is a list: name a place in it ({places}), not {index!r}")
    items[index : index + 1] = [value]


def merge(base: Tree, top: Tree) -> Tree:
    """``top`` laid over ``base``: mappings merge key by key, everything else is replaced.

    A section whose ``kind`` changes is replaced as a whole, since the keys of one kind mean nothing
    to another (see `kind_changes`).
    """
    merged = Tree(dict(base.values), dict(base.origins))
    _merge_into(merged, merged.values, top, top.values, ())
    merged.origins.update({path: origin for path, origin in top.origins.items() if path == ()})
    return merged


def _merge_into(merged: Tree, node: dict[str, Any], top: Tree, over: Mapping[str, Any], path: KeyPath) -> None:
    for key, value in over.items():
        below = node.get(key)
        here = (*path, key)
        if isinstance(value, dict) and isinstance(below, dict) and not kind_changes(below, value, here):
            node[key] = dict(below)
            if here in top.origins:
                merged.origins[here] = top.origins[here]
            _merge_into(merged, node[key], top, value, here)
        else:
            merged._forget(here)
            node[key] = value
            merged.origins.update({p: o for p, o in top.origins.items() if p[: len(here)] == here})


def kind_changes(below: Mapping[str, Any], over: Mapping[str, Any], path: KeyPath) -> bool:
    """Whether ``over`` turns the section at ``path`` into one of another kind.

    ``agent`` kinds that are shorthand (``rl``, ``gail``, ``icm``) are one kind: they share learner and rewards.
    """
    before, after = below.get("kind"), over.get("kind")
    if before is None or after is None or before == after:
        return False
    return path != ("agent",) or _has_own_section(before) or _has_own_section(after)


def _has_own_section(agent: Any) -> bool:
    from rlsuite.registry import agents

    return isinstance(agent, str) and agent in agents and bool(agents.get(agent).config)


def walk(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    """Every key path in a value, its own first."""
    paths = [path]
    if isinstance(value, Mapping):
        for key, below in value.items():
            paths += walk(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            paths += walk(below, (*path, index))
    return paths


def dotted(path: KeyPath) -> str:
    """``agent.rewards.0.weight``, as ``--set`` takes it."""
    return ".".join(str(key) for key in path)


def found(value: Any) -> str:
    """A value as a message names it: its type in a user's words, and itself if it is short."""
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, list | tuple):
        return "a list"
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return f"the text '{text}'" if isinstance(value, str) else text


def short_path(path: Path) -> str:
    """A path as a user would type it from here."""
    try:
        return str(Path(os.path.abspath(path)).relative_to(Path.cwd()))
    except ValueError:
        return str(path)
