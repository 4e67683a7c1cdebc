"""The Mario levels in the registry. Standard library only: listing levels stays fast."""

from __future__ import annotations

from rlsuite.registry import Registry

REWARDS = {
    "dense": "rewarded for new ground, 1 in all",
    "flag": "rewarded 1 for clearing a stage",
    "no_reward": "without any reward, for curiosity alone",
}


def register(levels: Registry) -> None:
    """Add ``mario/<world>-<stage>/<reward>`` for all 32 stages, and ``mario/full/<reward>``."""
    for stage in (*(f"{world}-{stage}" for world in range(1, 9) for stage in range(1, 5)), "full"):
        what = "the whole game with three lives" if stage == "full" else f"stage {stage} with one life"
        for reward, words in REWARDS.items():
            levels.add(
                f"mario/{stage}/{reward}",
                f"Super Mario Bros., {what}, {words}.",
                load="rlsuite.envs.mario.level:make",
                config="rlsuite.envs.mario.config:MarioConfig",
                extra="mario",
                requires=("warp",),
                tags={"score": "progress", "engine": "nes", "stage": stage, "reward": reward, "restorable": True},
            )
