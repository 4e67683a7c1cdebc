"""Names to things: levels, learners, rewards, agents, generators, datasets.

Every group is filled through entry points, rlsuite's own members included, so a
plug-in in another package is on the same footing as a built-in one::

    [project.entry-points."rlsuite.levels"]
    my_levels = "my_package.levels:register"

    def register(levels: Registry) -> None:
        levels.add("my/level", "One line about it.", load="my_package.levels:make")

Standard library only, and nothing is imported before it is asked for: listing a
thousand levels does not import torch.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rlsuite.errors import MissingExtraError, UserError


@dataclass(frozen=True)
class Entry:
    """One registered thing.

    Attributes:
        id: The name a user types, e.g. ``"mujoco/Hopper-v5"``.
        description: One line.
        load: ``"module:attribute"`` of the thing itself, imported by `Entry.resolve`.
        config: ``"module:Class"`` of its pydantic section, or "" if it has none.
        extra: The extra of rlsuite that brings its dependencies, or "".
        requires: Modules that must be importable for it to work.
        tags: Anything a room wants to keep beside it (plain data).
    """

    id: str
    description: str
    load: str
    config: str = ""
    extra: str = ""
    requires: tuple[str, ...] = ()
    tags: Mapping[str, Any] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The required modules that are not installed."""
        return [m for m in self.requires if importlib.util.find_spec(m) is None]

    @property
    def available(self) -> bool:
        """Whether it can be used on this machine as installed."""
        return not self.missing

    def resolve(self) -> Any:
        """Import and return the thing.

        Raises:
            MissingExtraError: A module it requires is not installed.
        """
        if missing := self.missing:
            raise MissingExtraError(self.id, self.extra or "all", f"no module named {', '.join(missing)}")
        return import_string(self.load)

    def config_class(self) -> Any:
        """Import and return its config section, or None."""
        return import_string(self.config) if self.config else None


class Registry:
    """A group of entries, filled on first use from its entry-point group."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}
        self._fallbacks: dict[str, Callable[[str], Entry]] = {}
        self._loaded = False

    def add(
        self,
        id: str,
        description: str,
        *,
        load: str,
        config: str = "",
        extra: str = "",
        requires: tuple[str, ...] = (),
        tags: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Register one thing under a new id."""
        if id in self._entries:
            raise ValueError(f"{self.kind} '{id}' is registered twice")
        entry = Entry(id, description, load, config, extra, requires, dict(tags or {}))
        self._entries[id] = entry
        return entry

    def add_prefix(self, prefix: str, make_entry: Callable[[str], Entry]) -> None:
        """Answer every unlisted id that begins with ``prefix``, e.g. ``gym/``."""
        self._fallbacks[prefix] = make_entry

    def get(self, id: str) -> Entry:
        """The entry of that id.

        Raises:
            UserError: There is none; the message names the nearest ones.
        """
        self._load()
        if id in self._entries:
            return self._entries[id]
        for prefix, make_entry in self._fallbacks.items():
            if id.startswith(prefix):
                return make_entry(id)
        raise UserError(
            f"unknown {self.kind} '{id}'{self.suggestion(id) or '.'} `rlsuite ls {self.kind}s` lists them all."
        )

    def nearest(self, id: str, n: int = 1) -> list[str]:
        """The listed ids most like this one, at most ``n``, best first; none where nothing is alike."""
        return difflib.get_close_matches(id, self.ids(), n=n, cutoff=0.5)

    def suggestion(self, id: str) -> str:
        """``"; did you mean X?"`` or ``""``."""
        near = self.nearest(id, n=2)
        return f"; did you mean {' or '.join(near)}?" if near else ""

    def ids(self) -> list[str]:
        """Every listed id, sorted."""
        self._load()
        return sorted(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter([self._entries[i] for i in self.ids()])

    def __contains__(self, id: str) -> bool:
        self._load()
        return id in self._entries or any(id.startswith(p) for p in self._fallbacks)

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True  # before the loop: a plug-in may look things up while it registers
        for point in sorted(importlib.metadata.entry_points(group=f"rlsuite.{self.kind}s"), key=lambda p: p.name):
            try:
                point.load()(self)
            except Exception as error:  # a broken plug-in must not take the suite down
                warnings.warn(
                    f"plug-in '{point.name}' ({point.value}) is broken and was skipped: {error}", stacklevel=2
                )


def import_string(path: str) -> Any:
    """Import ``"package.module:attribute"``."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


levels = Registry("level")
learners = Registry("learner")
rewards = Registry("reward")
agents = Registry("agent")
generators = Registry("generator")
datasets = Registry("dataset")

GROUPS: dict[str, Registry] = {f"{r.kind}s": r for r in (levels, learners, rewards, agents, generators, datasets)}
