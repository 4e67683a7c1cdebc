"""The ``demos`` section of an experiment. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from rlsuite.config.base import PathOrId, Section


class DemosConfig(Section):
    """Which demonstrations an agent learns from, and how much of them."""

    id: PathOrId
    """A set that ships with rlsuite or lies in the Minari folder (`rlsuite demos list`), or a path that
    begins with ``./``, ``../``, ``~`` or ``/``: a Minari folder, a D4RL or GAIL ``.hdf5``/``.h5`` file, an ``.npz``."""
    n_trajectories: Annotated[int, Field(ge=1)] | None = None
    """Whole episodes to use, the first ones of the set; none: all. The GAIL paper uses 4 to 25."""
    subsample: int = Field(default=1, ge=1)
    """Keep every so many-th step of an episode, beginning at a random one of the first ``subsample``.
    The GAIL paper uses 20: 4 Hopper episodes become about 200 pairs. The true successor of each kept
    step stays with it."""
    actions_outside: Literal["refuse", "clip"] = "refuse"
    """What to do with actions outside the action space. ``clip`` is for experts that sample from an
    unbounded Gaussian; unclipped, the discriminator would win on the range of the actions alone."""
    allow_other_env: bool = False
    """Accept a set that was recorded in another environment (say Hopper-v2 for Hopper-v5), if its
    dimensions fit."""

    smoke: ClassVar[Mapping[str, Any]] = {"n_trajectories": 1}
