"""Demonstrations: shipped and Minari sets, importers, collection, what agents learn from.

    demos = rlsuite.demos.load(DemosConfig(id="rlsuite/hopper/expert-mean-v0", n_trajectories=4, subsample=20),
                               env.observation_space, env.action_space, seed=0, env_id="mujoco/Hopper-v5")

Names are imported on first use, so that listing verbs stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlsuite.demos.collect import collect
    from rlsuite.demos.data import Demonstrations, DemoSet, Episode
    from rlsuite.demos.exporters import export_set
    from rlsuite.demos.importers import import_set
    from rlsuite.demos.info import DemoInfo, info
    from rlsuite.demos.loading import load
    from rlsuite.demos.store import list_sets, read_set, write_set

_HOMES = {
    "collect": "collect",
    "Demonstrations": "data",
    "DemoSet": "data",
    "Episode": "data",
    "export_set": "exporters",
    "import_set": "importers",
    "DemoInfo": "info",
    "info": "info",
    "load": "loading",
    "list_sets": "store",
    "read_set": "store",
    "write_set": "store",
}

__all__ = [
    "DemoInfo",
    "DemoSet",
    "Demonstrations",
    "Episode",
    "collect",
    "export_set",
    "import_set",
    "info",
    "list_sets",
    "load",
    "read_set",
    "write_set",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rlsuite.demos' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(f"rlsuite.demos.{_HOMES[name]}"), name)
    globals()[name] = value  # over the submodule of the same name, which the import has just bound
    return value
