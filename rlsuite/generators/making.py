"""Generators by name: fresh ones, and bundles from the disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlsuite import registry
from rlsuite.errors import ConfigError
from rlsuite.generators.config import GeneratorConfig
from rlsuite.generators.contracts import Generator, read_card


def make(kind: str, config: GeneratorConfig | Mapping[str, Any] | None = None, *, seed: int = 0) -> Generator:
    """A generator with fresh weights.

    Args:
        kind: Its id: `rlsuite ls generators`.
        config: Its section, or the same as a mapping (``{"preset": "tiny"}``); None for the defaults.
        seed: Of the weights.

    Raises:
        UserError: There is none of that kind, or the settings are wrong.
    """
    entry = registry.generators.get(kind)
    if config is None or isinstance(config, Mapping):
        try:
            config = entry.config_class().model_validate({"kind": kind, **(config or {})})
        except ValidationError as error:
            raise ConfigError(f"generator {kind}: {error}") from error
    return entry.resolve()(config, seed=seed)


def load(folder: str | Path) -> Generator:
    """Read a bundle, whatever its kind.

    Raises:
        UserError: Nobody registers its kind here.
        DataError: It is broken.
    """
    return registry.generators.get(read_card(folder)["kind"]).resolve().load(folder)
