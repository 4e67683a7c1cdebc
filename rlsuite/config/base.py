"""The base of every section of an experiment. pydantic only: no torch, no numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen part of an experiment: unknown keys are errors, defaults stand here and only here.

    Attributes:
        smoke: What ``--smoke`` does to this section: a number becomes the smaller of the two,
            anything else is replaced. Sections inside it have their own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    smoke: ClassVar[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class RelativeToFile:
    """Marks a field whose relative paths belong to the file that names them.

    Attributes:
        only_dotted: The value may also be an id; it is a path if it begins with ``./``, ``../`` or ``~``.
    """

    only_dotted: bool = False


FileRef = Annotated[Path, RelativeToFile()]
"""A path; a relative one is looked up beside the experiment file that wrote it."""

PathOrId = Annotated[str, RelativeToFile(only_dotted=True)]
"""An id, or a path if it begins with ``./``, ``../``, ``~`` or ``/``."""
