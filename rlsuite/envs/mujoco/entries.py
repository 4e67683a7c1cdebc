"""Registers the MuJoCo levels. Standard library only."""

from __future__ import annotations

from rlsuite.registry import Registry

DESCRIPTIONS = {
    "Ant-v5": "Four-legged body runs forward; 105 numbers in, 8 torques out.",
    "HalfCheetah-v5": "Planar cheetah runs forward, never terminates; 17 in, 6 out.",
    "Hopper-v5": "One-legged body hops forward without falling; 11 in, 3 out.",
    "Humanoid-v5": "Humanoid runs forward without falling; 348 in, 17 out.",
    "InvertedPendulum-v5": "Cart balances a pole; 4 in, 1 out.",
    "Reacher-v5": "Two-joint arm reaches a random target within 50 steps; 10 in, 2 out.",
    "Swimmer-v5": "Three-link body swims forward, never terminates; 8 in, 2 out.",
    "Walker2d-v5": "Planar biped walks forward without falling; 17 in, 6 out.",
}

REFERENCES = {"Hopper-v5": (17.434, 3760.518), "InvertedPendulum-v5": (5.01, 1000.0)}
"""Returns that a score of 0 and of 1 mean: random actions over 2,000 episodes and, for Hopper, the shipped expert
(docs/results/gail_hopper.md); 1,000 is all that the pendulum's time limit leaves room for."""


def register(levels: Registry) -> None:
    """Add ``mujoco/<Task>-v5`` for every task."""
    for task, description in DESCRIPTIONS.items():
        levels.add(
            f"mujoco/{task}",
            description,
            load="rlsuite.envs.mujoco.vector_env:make",
            config="rlsuite.envs.mujoco.config:MujocoConfig",
            requires=("mujoco", "gymnasium"),
            tags={"score": "return", "restorable": True} | _reference(task),
        )


def _reference(task: str) -> dict[str, float]:
    return dict(zip(("ref_min_score", "ref_max_score"), REFERENCES.get(task, ()), strict=False))
