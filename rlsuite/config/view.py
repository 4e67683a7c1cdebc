"""The complete experiment as text: YAML in which a comment says where each value came from."""

from __future__ import annotations

from typing import Any

from rlsuite.config.schema import Resolved
from rlsuite.config.tree import KeyPath, dotted
from rlsuite.config.yaml_io import dump

DEFAULT = "default"


def origins_by_key(resolved: Resolved) -> dict[str, str]:
    """For each dotted key that holds a value: file and line, override, shorthand, or ``default``."""
    return {dotted(path): _origin(resolved, path) for path in _leaves(resolved.tree, ())}


def with_origins(resolved: Resolved) -> str:
    """YAML that loads back to the same experiment, each value followed by its origin."""
    lines = list(_lines(resolved, resolved.tree, (), ""))
    width = min(max((len(text) for text, _ in lines), default=0), 60)
    return "".join(f"{text:<{width}}  # {origin}\n" if origin else f"{text}\n" for text, origin in lines)


def _lines(resolved: Resolved, value: Any, path: KeyPath, indent: str) -> Any:
    """(text, origin) of each line under a mapping or a list of mappings."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in items:
        here = (*path, key)
        label = f"{indent}{key}:" if isinstance(value, dict) else f"{indent}-"
        if _is_branch(below):
            yield label, ""
            yield from _lines(resolved, below, here, indent + "  ")
        else:
            yield f"{label} {_flow(below)}", _origin(resolved, here)


def _is_branch(value: Any) -> bool:
    return bool(value) and (isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict)))


def _flow(value: Any) -> str:
    if isinstance(value, list | dict):
        inside = ", ".join(_flow(v) for v in value)
        return f"[{inside}]" if isinstance(value, list) else "{}"
    return dump([value]).removeprefix("- ").rstrip("\n")


def _leaves(value: Any, path: KeyPath) -> list[KeyPath]:
    if not _is_branch(value):
        return [path]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [leaf for key, below in items for leaf in _leaves(below, (*path, key))]


def _origin(resolved: Resolved, path: KeyPath) -> str:
    return str(resolved.origins[path]) if path in resolved.origins else DEFAULT
