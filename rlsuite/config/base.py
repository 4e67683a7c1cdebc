"""The base of every section of an experiment. pydantic only: no torch, no numpy."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen part of an experiment: unknown keys are errors, defaults stand here and only here."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
