"""What a level is: an id, how to make it, how to score it.

A level registered in `rlsuite.registry.levels` resolves to a *level factory*::

    def make(id: str, n_envs: int, *, seed: int, options: BaseModel, device: str = "cpu",
             n_threads: int | None = None) -> VectorEnv

where ``options`` is the validated ``env`` section (class named by the entry's ``config``; default
`rlsuite.envs.config.EnvConfig`). The scale of a level's score lives in the entry's tags:

    score: "return" | "success" | "progress"   what one episode's score in [0, 1] is made of
    ref_min_score, ref_max_score: float        for "return": random and reference policy
"""

from __future__ import annotations

from typing import Any

from rlsuite import registry
from rlsuite.envs.vector import VectorEnv


def make_vec(
    id: str, n_envs: int, *, seed: int = 0, options: Any = None, device: str = "cpu", n_threads: int | None = None
) -> VectorEnv:
    """Make a vectorised level.

    Args:
        id: Level id, e.g. ``"mujoco/Hopper-v5"``.
        n_envs: Number of environments.
        seed: Seed of all their random streams; `VectorEnv.reset_all` without a seed begins with it.
        options: The ``env`` section of an experiment, or None for the level's defaults.
        device: Where observations lie.
        n_threads: Threads that step; None for the number of cores.

    Raises:
        UserError: Unknown id (with the nearest one).
        MissingExtraError: The level's dependencies are not installed.
    """
    entry = registry.levels.get(id)
    factory = entry.resolve()
    if options is None:
        config_class = entry.config_class() or registry.import_string("rlsuite.envs.config:EnvConfig")
        options = config_class(id=id)
    return factory(id, n_envs, seed=seed, options=options, device=device, n_threads=n_threads)
