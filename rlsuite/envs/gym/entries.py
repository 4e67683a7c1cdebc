"""Answers every ``gym/<id>``. Standard library only."""

from __future__ import annotations

from rlsuite.registry import Entry, Registry


def register(levels: Registry) -> None:
    """Answer ``gym/<id>`` for every Gymnasium id; ``gym/<module>:<id>`` imports the module first."""
    levels.add_prefix("gym/", make_entry)


def make_entry(id: str) -> Entry:
    """The entry of one Gymnasium id; whether Gymnasium knows it shows when it is made."""
    return Entry(
        id,
        f"Gymnasium's {id.removeprefix('gym/')}, in worker processes.",
        load="rlsuite.envs.gym.vector_env:make",
        config="rlsuite.envs.gym.config:GymConfig",
        requires=("gymnasium",),
        tags={"score": "return", "restorable": False},
    )
