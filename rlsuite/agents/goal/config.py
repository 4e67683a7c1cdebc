"""The section of the goal-sentence reward. pydantic only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rlsuite.config.base import FileRef, Section


class GoalConfig(Section):
    """How much a state looks like a sentence, told by a scorer of pictures (Rocamonde et al. 2024, VLM-RM)."""

    kind: Literal["goal_text"] = "goal_text"
    """The reward."""
    scorer: FileRef
    """Run (or bundle) of a scorer that has pictures and sentences in one space: generator kind ``contrast``."""
    goal: str = Field(min_length=1)
    """What the agent shall bring about, as the scorer's captions would say it."""
    baseline: str | None = None
    """The same scene without the goal; none: no regularisation."""
    alpha: float = Field(default=0.5, ge=0, le=1)
    """How far a state's vector is moved onto the line from baseline to goal: 0 not at all (the cosine), 1 wholly: only
    what tells the two sentences apart counts. Without a baseline it is 0."""
    labelled: FileRef
    """Folder of pictures of states with ``labels.csv`` (``picture,value``; higher is nearer the goal). The reward must
    agree with it before anything trains; a few dozen states are enough."""
    min_correlation: float = Field(default=0.5, ge=-1, le=1)
    """Least rank correlation with those values; below it the experiment is refused. Lower it only to study failure."""
    weight: float = Field(default=1.0, ge=0)
    """Factor of the reward; 0 is the same as leaving it out."""
    value_head: Literal["own", "shared"] = "shared"
    """``shared``: it is added to the environment's reward; ``own``: it has a value head and advantages of its own."""
    gamma: float | None = Field(default=None, ge=0, lt=1)
    """Discount of its stream; none: the learner's."""
    episodic: bool = True
    """Whether its return ends with the episode."""
