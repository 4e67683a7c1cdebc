"""A training's state as the parts of a checkpoint, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlsuite.errors import DataError
from rlsuite.runs.checkpoint import load_checkpoint, read_header
from rlsuite.runs.keeper import NEWEST_ONLY
from rlsuite.runs.statetree import StateTree

OWN_PARTS = ("policy", "rewards", NEWEST_ONLY)
"""Parts of the training state with files of their own: acting needs the first, films the second."""


def to_parts(learner: Any, run: StateTree) -> dict[str, StateTree]:
    """The learner's state and the run's, split into parts.

    Args:
        learner: Between iterations.
        run: Clocks, schedules, counts of the run itself.
    """
    tree = dict(learner.training_state())
    parts = {name: tree.pop(name) for name in OWN_PARTS if name in tree}
    parts.setdefault("policy", learner.policy_state())
    return {**parts, "training": tree, "run": run}


def restore(learner: Any, parts: Mapping[str, StateTree]) -> None:
    """Bring a learner's training state back.

    Raises:
        DataError: It does not fit the learner.
    """
    tree = dict(parts["training"]) | {name: parts[name] for name in OWN_PARTS if name in parts}
    if NEWEST_ONLY not in tree and hasattr(learner, NEWEST_ONLY):
        tree[NEWEST_ONLY] = learner.replay.state_dict()  # only the newest checkpoint keeps it: it fills anew
    try:
        learner.load_training_state(tree)
    except (KeyError, RuntimeError, ValueError) as error:
        raise DataError(f"the checkpoint does not fit this experiment's agent: {error}") from error


def load_acting(learner: Any, checkpoint: Path) -> None:
    """Bring back only what acts: the policy, and the learned rewards if the learner has them.

    Raises:
        DataError: The checkpoint is broken or of another agent.
    """
    rewards = getattr(learner, "rewards", ())
    names = ["policy"]
    if rewards and "rewards" in read_header(checkpoint)["parts"]:
        names.append("rewards")
    parts = load_checkpoint(checkpoint, names)
    try:
        learner.load_policy_state(parts["policy"])
        for reward in rewards if "rewards" in parts else ():
            reward.load_state_dict(parts["rewards"][reward.name])
    except (KeyError, RuntimeError, ValueError) as error:
        raise DataError(f"{checkpoint} does not fit its experiment's agent: {error}") from error
