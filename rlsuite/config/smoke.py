"""Shrinks an experiment to seconds: the same experiment with small numbers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from rlsuite.config.base import Section
from rlsuite.config.schema import Experiment
from rlsuite.config.sections import BudgetConfig
from rlsuite.config.tree import KeyPath, Origin, Tree

SMOKE = Origin("smoke", text="--smoke")


def shrink(tree: Tree, experiment: Experiment) -> None:
    """Write what each section's ``smoke`` says into the tree."""
    for path, section in _sections(experiment, ()):
        for key, small in section.smoke.items():
            now = getattr(section, key, None)
            if isinstance(section, BudgetConfig) and now is None:
                continue  # a limit that the experiment does not have
            value = _smaller(now, small)
            if value != now:
                tree.put((*path, key), value, SMOKE)


def _smaller(now: Any, small: Any) -> Any:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (now, small))
    return min(now, small) if numbers else small


def _sections(value: Any, path: KeyPath) -> list[tuple[KeyPath, Section]]:
    found: list[tuple[KeyPath, Section]] = [(path, value)] if isinstance(value, Section) else []
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            found += _sections(getattr(value, name), (*path, name))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            found += _sections(item, (*path, index))
    return found
