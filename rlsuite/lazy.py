"""Packages whose names are imported on first use: naming a room must not cost what torch costs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def open_on_use(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's ``__getattr__``.

    Args:
        package: Its ``__name__``.
        homes: Module of the package to the names it gives, separated by spaces.
    """

    def find(name: str) -> Any:
        for home, names in homes.items():
            if name in names.split():
                return getattr(importlib.import_module(f"{package}.{home}"), name)
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    return find
