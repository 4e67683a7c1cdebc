"""The one door to a set of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rlsuite import registry
from rlsuite.errors import ConfigError, UserError
from rlsuite.generators.data.config import FilmsConfig, ImageSetConfig
from rlsuite.generators.data.imageset import ImageSet

if TYPE_CHECKING:
    from rlsuite.generators.contracts import Spec


def load_images(config: ImageSetConfig | Mapping[str, Any], spec: Spec) -> ImageSet:
    """Read a set at the size and with the channels that a generator wants.

    Args:
        config: The ``data`` section, or the same as a mapping (``{"id": "folder", "path": "drawings"}``).
        spec: The generator's.

    Raises:
        UserError: There is no such set, or it must be fetched first.
        DataError: It cannot be read.
    """
    if isinstance(config, Mapping):
        config = _checked(config)
    if isinstance(config, FilmsConfig) and config.n_frames is None:
        if spec.n_frames is None:
            raise UserError(f"{spec.kind} learns from images, {config.id} holds films")
        config = config.model_copy(update={"n_frames": spec.n_frames})
    return registry.datasets.get(config.id).resolve()(config, spec.size[0], spec.channels)


def _checked(config: Mapping[str, Any]) -> ImageSetConfig:
    section = registry.datasets.get(str(config.get("id"))).config_class()
    try:
        return section.model_validate(config)
    except ValidationError as error:
        raise ConfigError(f"data {config.get('id')}: {error}") from error
