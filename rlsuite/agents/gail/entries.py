"""Registers the GAIL reward."""

from __future__ import annotations

from rlsuite.registry import Registry


def register(rewards: Registry) -> None:
    """Add ``gail``."""
    rewards.add(
        "gail",
        "Discriminator between expert and policy (Ho & Ermon 2016), regularised; imitates demonstrations.",
        load="rlsuite.agents.gail.agent:make",
        config="rlsuite.agents.gail.config:GailConfig",
        tags={"needs_demos": True},
    )
