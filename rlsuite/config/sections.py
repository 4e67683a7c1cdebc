"""The sections of an experiment that no room owns: budget, agent, eval, checkpoint, video, data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from rlsuite.config.base import FileRef, Section


class BudgetConfig(Section):
    """When training ends: at the first of these that is reached."""

    env_steps: int | None = Field(default=None, ge=1)
    """Agent decisions, summed over all environments (one decision in one environment is one step)."""
    train_steps: int | None = Field(default=None, ge=1)
    """Gradient steps; the budget of generators and of behavioural cloning."""
    seconds: float | None = Field(default=None, gt=0)
    """Seconds of training, evaluation and film not counted. A run that ends by the clock is not
    reproducible to the bit."""
    success: float | None = Field(default=None, gt=0, le=1)
    """Ends an agent's training before that: this share of the last 100 training episodes has succeeded, and did so
    for 100 episodes more. Only on levels that tell of success."""

    smoke: ClassVar[Mapping[str, Any]] = {"env_steps": 256, "train_steps": 4}

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        if self.env_steps is None and self.train_steps is None and self.seconds is None:
            raise ValueError("the budget is empty: give env_steps, train_steps or seconds (the first reached ends it)")
        return self


class LearnerConfig(Section):
    """What every learner's section has; the class of a kind comes from the registry."""

    kind: str
    """Which learner: `rlsuite ls learners`."""


class RewardConfig(Section):
    """What every learned reward's section has; the class of a kind comes from the registry."""

    kind: str
    """Which learned reward: `rlsuite ls rewards`."""
    weight: float = 1.0
    """Factor of this reward's stream. 0 is the same as leaving it out, bit for bit."""


class AgentConfig(Section):
    """A learner and the learned rewards that train beside it."""

    kind: str = "rl"
    """``rl``: as written. ``gail``, ``icm``, ...: short for ``rl`` with that learned reward filled in.
    Kinds with a section of their own (``bc``) take no learner and no rewards."""
    learner: LearnerConfig
    """The algorithm: `rlsuite ls learners`."""
    rewards: tuple[RewardConfig, ...] = ()
    """Learned rewards, scored and trained beside the policy."""
    extrinsic_coef: float = 1.0
    """Factor of the environment's own reward; 0 trains on learned rewards alone."""
    begin_with: FileRef | None = None
    """A run (or one checkpoint of it) whose policy this training begins with, for example one that curiosity alone has
    trained on another level. Observations, actions, network and value heads must be the same; learned rewards and
    optimisers begin anew."""


class EvalConfig(Section):
    """Evaluation on environments and seeds of its own; it never touches training."""

    every_steps: int | None = Field(default=None, ge=0)
    """Env steps between evaluations; none: a tenth of the budget; 0: only at the end."""
    n_episodes: int = Field(default=10, ge=1)
    """Episodes of an evaluation during training, usually 5 to 20. More is steadier and slower."""
    final_episodes: int = Field(default=50, ge=1)
    """Episodes of the final evaluation, the one that results quote."""
    deterministic: bool = True
    """Take the policy's mode (the mean action) instead of a sample."""

    smoke: ClassVar[Mapping[str, Any]] = {"every_steps": 0, "n_episodes": 1, "final_episodes": 1}


class CheckpointConfig(Section):
    """What is saved while training, and what is kept."""

    every_seconds: float = Field(default=60.0, ge=0)
    """Seconds between checkpoints: the most that a kill -9 can lose. 0 leaves it to ``every_steps``."""
    every_steps: int | None = Field(default=None, ge=1)
    """Env steps between checkpoints, beside ``every_seconds``."""
    keep_last: int = Field(default=3, ge=1)
    """How many of the newest checkpoints stay."""
    best: bool = True
    """Keep the best by evaluation, for convenience; results use the final policy."""
    milestones: tuple[int, ...] = ()
    """Env steps whose checkpoint is never deleted."""


class VideoConfig(Section):
    """Films of the policy, on fixed evaluation seeds so that they compare over training."""

    final: bool = True
    """Film the final policy."""
    every_steps: int | None = Field(default=None, ge=1)
    """Env steps between films during training; none: only at the end."""
    n_episodes: int = Field(default=1, ge=1)
    """Episodes in a film, one after the other."""
    max_seconds: float = Field(default=30.0, gt=0)
    """Longest film, in seconds of playing time."""
    fps: float | None = Field(default=None, gt=0)
    """Frames per second; none: the level's real frame rate."""
    width: int = Field(default=480, ge=16)
    """Pixels; pixel games are scaled up by a whole factor at most this wide."""
    height: int = Field(default=480, ge=16)
    """Pixels."""
    panel: bool = True
    """Draw the learned reward of each step beside the picture, if there is one."""

    smoke: ClassVar[Mapping[str, Any]] = {"max_seconds": 0.5, "n_episodes": 1, "width": 64, "height": 64}


class DataConfig(Section):
    """What a generator learns from; the class of a dataset comes from the registry."""

    id: str
    """Which dataset: `rlsuite ls datasets`."""
    path: FileRef | None = None
    """Folder of the pictures, for datasets that are a folder."""
