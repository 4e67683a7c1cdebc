"""The ``env`` section of MuJoCo levels."""

from __future__ import annotations

from typing import Literal

from rlsuite.envs.config import EnvConfig


class MujocoConfig(EnvConfig):
    """A MuJoCo task in Gymnasium v5 semantics."""

    dtype: Literal["float32", "float64"] = "float32"
    """Type of observations and rewards. float64 equals Gymnasium's to the last bit and costs the
    learner a conversion."""
