"""Registers the curiosity rewards."""

from __future__ import annotations

from rlsuite.registry import Registry

_REWARDS = {
    "icm": ("icm:make", "IcmConfig", "Error of predicted features of the next observation (Pathak et al. 2017)."),
    "rnd": ("rnd:make", "RndConfig", "Error of guessing a random network's output (Burda et al. 2019)."),
    "noveld": ("noveld:make", "NovelDConfig", "Gain in lifelong novelty, at first visits (Zhang et al. 2021, NovelD)."),
    "disagreement": (
        "disagreement:make",
        "DisagreementConfig",
        "Disagreement of an ensemble of forward models (Pathak et al. 2019).",
    ),
    "e3b": ("episodic:make_e3b", "E3bConfig", "Elliptical episodic bonus (Henaff et al. 2022)."),
    "episodic_novelty": (
        "episodic:make_novelty",
        "NoveltyConfig",
        "Distance to the episode's nearest states (Badia et al. 2020, Never Give Up).",
    ),
    "position_counts": (
        "position:make",
        "PositionConfig",
        "First visits of cells of the player's true position: an oracle to compare with.",
    ),
}


def register(rewards: Registry) -> None:
    """Add every curiosity reward."""
    for id, (load, config, description) in _REWARDS.items():
        rewards.add(
            id,
            description,
            load=f"rlsuite.agents.curiosity.{load}",
            config=f"rlsuite.agents.curiosity.config:{config}",
            tags={"curiosity": True},
        )


def register_agents(agents: Registry) -> None:
    """Add the shorthands: ``agent.kind: icm`` is a learner with that reward."""
    for id, (_, _, description) in _REWARDS.items():
        agents.add(
            id, f"PPO with curiosity: {description}", load="rlsuite.agents.learners:make", tags={"rewards": [id]}
        )
