"""Turns what pydantic found into lines a user can act on: file, line, key, what was found, what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rlsuite.config.tree import KeyPath, Tree, dotted, found
from rlsuite.errors import ConfigError

ALLOWED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "path_type": "a path",
    "none_required": "empty",
    "list_type": "a list",
    "tuple_type": "a list",
    "model_type": "a section of keys",
    "model_attributes_type": "a section of keys",
    "dict_type": "a section of keys",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "string_pattern_mismatch": "text like {pattern}",
    "string_too_short": "text of at least {min_length} characters",
    "literal_error": "{expected}",
    "enum": "{expected}",
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: The key it concerns; ``()`` for the experiment as a whole.
        text: What is wrong, reading on from the key's name.
        whole: ``text`` is a sentence of its own; the key stands before it with a colon.
    """

    path: KeyPath
    text: str
    whole: bool = False


class Problems:
    """Collects problems and raises them together, in the order of the file's lines."""

    def __init__(self, tree: Tree, model: type[BaseModel] | None = None) -> None:
        self.tree = tree
        self.model = model
        self.found: list[Problem] = []

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add those whose key has no problem yet."""
        for problem in problems:
            if problem.path == () or problem.path not in [known.path for known in self.found]:
                self.found.append(problem)

    def raise_if_any(self) -> None:
        """Raise one `ConfigError` with a line for each problem.

        Raises:
            ConfigError: There is at least one.
        """
        if self.found:
            lines = sorted((self._line(p), i, self._text(p)) for i, p in enumerate(self.found))
            raise ConfigError("\n".join(text for _, _, text in lines))

    def _line(self, problem: Problem) -> int:
        origin = self.tree.origin(problem.path)
        return origin.line if origin else 0

    def _text(self, problem: Problem) -> str:
        origin = self.tree.origin(problem.path)
        where = f"{origin}: " if origin and str(origin) else ""
        name = dotted(problem.path) or "the experiment"
        return f"{where}{name}: {problem.text}" if problem.whole else f"{where}{name} {problem.text}"


def from_pydantic(error: ValidationError, tree: Tree, model: type[BaseModel]) -> list[Problem]:
    """A problem for each key that pydantic objects to (a union's alternatives are one problem)."""
    by_path: dict[KeyPath, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        by_path.setdefault(_key_path(detail["loc"], tree), []).append(detail)
    return [_problem(path, details, tree, model) for path, details in by_path.items()]


def _key_path(loc: tuple[int | str, ...], tree: Tree) -> KeyPath:
    """The keys in pydantic's location, without the names of the union members it tried."""
    path: KeyPath = ()
    for part in loc:
        node = tree.get(path, tree.values)
        if isinstance(node, dict) and (part in node or isinstance(part, str)):
            known = part in node
            if known or part == loc[-1]:
                path = (*path, part)
        elif isinstance(node, list) and isinstance(part, int):
            path = (*path, part)
    return path


def _problem(path: KeyPath, details: list[ErrorDetails], tree: Tree, model: type[BaseModel]) -> Problem:
    kinds = [d["type"] for d in details]
    if "extra_forbidden" in kinds:
        return Problem(path, f"is unknown{_near_key(path, model)}")
    if "missing" in kinds:
        return Problem(path, f"is missing{_meaning(path, model)}")
    first = details[0]
    if first["type"] == "value_error":
        return Problem(path, str(first.get("ctx", {}).get("error", first["msg"])), whole=True)
    allowed = list(dict.fromkeys(_allowed(d) for d in details))
    value = tree.get(path, first["input"])
    near = _near_choice(value, details)
    return Problem(path, f"is {found(value)}; it must be {' or '.join(allowed)}{near}")


def _allowed(detail: ErrorDetails) -> str:
    template = ALLOWED.get(detail["type"])
    if template is None:
        return detail["msg"].removeprefix("Input should be ").removeprefix("Value should be ")
    return template.format(**detail.get("ctx", {}))


def _near_choice(value: Any, details: list[ErrorDetails]) -> str:
    expected = " ".join(str(d.get("ctx", {}).get("expected", "")) for d in details)
    near = difflib.get_close_matches(str(value), expected.split("'")[1::2], n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _near_key(path: KeyPath, model: type[BaseModel]) -> str:
    """The key that was probably meant: the most similar name anywhere, neighbours first."""
    known = list(key_paths(model, ()))
    name = str(path[-1])

    def likeness(other: KeyPath) -> float:
        alike = difflib.SequenceMatcher(None, name, str(other[-1])).ratio()
        return alike + 0.15 * (other[:-1] == path[:-1])

    best = max(known, key=likeness)
    if likeness(best) >= 0.7:
        ties = [p for p in known if likeness(p) == likeness(best)]
        return f"; did you mean {' or '.join(dotted(p) for p in ties[:3])}?"
    siblings = [str(p[-1]) for p in known if p[:-1] == path[:-1]]
    return f"; known here: {', '.join(siblings)}" if siblings else ""


def _meaning(path: KeyPath, model: type[BaseModel]) -> str:
    text = key_paths(model, ()).get(path) or ""
    first = text.replace("\n", " ").split(". ")[0].strip().rstrip(".")
    return f": {first[:1].lower() + first[1:]}" if first else ""


def key_paths(model: type[BaseModel], path: KeyPath) -> dict[KeyPath, str | None]:
    """Every key a model knows, with its description; list items by place."""
    from rlsuite.config.build import sections_in

    known: dict[KeyPath, str | None] = {}
    for name, info in model.model_fields.items():
        here = (*path, name)
        known[here] = info.description
        sections = sections_in(info.annotation)
        in_list = str(info.annotation).startswith(("tuple", "list"))
        for index, section in enumerate(sections):
            known |= key_paths(section, (*here, index) if in_list else here)
    return known
