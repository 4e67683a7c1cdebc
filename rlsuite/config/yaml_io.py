"""YAML 1.2 in and out, with the line of every key. No tags, no code, no duplicate keys."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter
from ruamel.yaml.scalarfloat import ScalarFloat

from rlsuite.config.tree import KeyPath, Origin, Tree, dotted, short_path
from rlsuite.errors import ConfigError


def read(path: Path) -> tuple[Tree, str]:
    """The tree in a file, and the file's text.

    Raises:
        ConfigError: The file is missing, is not YAML or does not hold a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{short_path(path)} is not a text file (UTF-8): {error.reason}") from None
    except OSError as error:
        raise ConfigError(f"{short_path(path)} cannot be read: {error.strerror}") from None
    return parse(text, path), text


def parse(text: str, path: Path) -> Tree:
    """The tree in ``text``, which stands in the file ``path``."""
    try:
        node = _loader().load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        key = str(error.problem).split('"')[1] if '"' in str(error.problem) else "a key"
        message = f"{short_path(path)}:{line}: {key} is written twice in the same section; keep one"
        raise ConfigError(message) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{short_path(path)}:{mark.line + 1}" if mark else short_path(path)
        raise ConfigError(f"{where}: this is not YAML: {error.problem or error.context}") from None
    except (YAMLError, ValueError) as error:
        raise ConfigError(f"{short_path(path)}: this is not YAML: {error}") from None
    if node is None:
        node = CommentedMap()
    if not isinstance(node, CommentedMap):
        raise ConfigError(f"{short_path(path)}: an experiment is a list of `key: value` lines; see docs/experiments.md")
    tree = Tree(origins={(): Origin("file", path)})
    tree.values = _plain(node, (), tree, path)
    return tree


def parse_value(text: str) -> Any:
    """One YAML value, as in ``--set key=value``; nothing at all is null.

    Raises:
        ValueError: It is not YAML.
    """
    try:
        node = _loader().load(text)
    except YAMLError as error:
        raise ValueError(str(getattr(error, "problem", None) or error)) from None
    return _plain(node, (), Tree(), None)


def dump(values: Any) -> str:
    """Plain data as YAML that `parse` reads back to the same."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 120
    stream = io.StringIO()
    yaml.dump(values, stream)
    return stream.getvalue()


class _Representer(SafeRepresenter):
    """Quotes and escapes what ends a line for Unicode; ruamel writes it as it is and reads it back as a blank."""

    def text(self, value: str) -> ScalarNode:
        style = '"' if any(end in value for end in "\x85\u2028\u2029") else None
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Representer.add_representer(str, _Representer.text)


def _loader() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    return yaml


def _plain(node: Any, path: KeyPath, tree: Tree, file: Path | None) -> Any:
    """The node without ruamel's types; lines go to the tree's origins."""
    if isinstance(node, CommentedMap):
        _refuse_tag(node, path, file)
        return {_key(k, path, file): _child(node, k, v, (*path, k), tree, file) for k, v in node.items()}
    if isinstance(node, CommentedSeq):
        _refuse_tag(node, path, file)
        return [_child(node, i, v, (*path, i), tree, file) for i, v in enumerate(node)]
    return _scalar(node, path, file)


def _child(parent: Any, key: Any, value: Any, path: KeyPath, tree: Tree, file: Path | None) -> Any:
    if file is not None:
        tree.origins[path] = Origin("file", file, _line(parent, key))
    return _plain(value, path, tree, file)


def _line(parent: Any, key: Any) -> int:
    place = parent.lc.data.get(key) if parent.lc.data else None  # keys that `<<` merged in have none
    return (place[0] if place else parent.lc.line) + 1


def _key(key: Any, path: KeyPath, file: Path | None) -> str:
    if isinstance(key, str):
        return str(key)
    where = f"{short_path(file)}: " if file else ""
    raise ConfigError(f"{where}{dotted((*path, key))} has a key that is not text: {key!r}. Put it in quotes")


def _scalar(node: Any, path: KeyPath, file: Path | None) -> Any:
    if node is None or isinstance(node, bool):
        return node
    if isinstance(node, ScalarFloat):
        # 1e6 is a float to YAML and a count to everyone who writes env_steps: 1e6
        return int(node) if getattr(node, "_exp", None) and float(node).is_integer() else float(node)
    for kind in (int, float, str):
        if isinstance(node, kind):
            return bool(node) if type(node).__name__ == "ScalarBoolean" else kind(node)
    if hasattr(node, "tag"):
        _refuse_tag(node, path, file)
    return str(node)  # a date or the like: text, as it was written


def _refuse_tag(node: Any, path: KeyPath, file: Path | None) -> None:
    tag = getattr(node, "tag", None)
    value = getattr(tag, "value", None)
    if value:
        where = f"{short_path(file)}: " if file else ""
        raise ConfigError(f"{where}{dotted(path)} has the tag {value}; experiments hold plain values only, no tags")
