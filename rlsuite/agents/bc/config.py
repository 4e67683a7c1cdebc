"""The ``bc`` agent's section. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from rlsuite.config.base import Section


class BcConfig(Section):
    """Behavioural cloning with the settings of Ho & Ermon's baseline (2016)."""

    kind: Literal["bc"] = "bc"
    """The agent."""
    hidden_sizes: tuple[int, ...] = (64, 64)
    """Widths of the policy's hidden layers."""
    activation: Literal["tanh", "relu", "elu"] = "tanh"
    """Their non-linearity."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Adam's step size, 1e-4 to 1e-3."""
    batch_size: int = Field(default=128, ge=1)
    """Pairs in a minibatch."""
    n_steps: int = Field(default=20_000, ge=1)
    """Gradient steps at most."""
    validation_fraction: float = Field(default=0.3, ge=0, lt=1)
    """Share of the pairs held out; the snapshot with the least error on them is the result. 0: the last one."""
    validate_every: int = Field(default=100, ge=1)
    """Gradient steps between validations."""
    patience: int = Field(default=3_000, ge=1)
    """Gradient steps without a better validation after which training ends."""

    smoke: ClassVar[Mapping[str, Any]] = {"n_steps": 10, "validate_every": 5}
