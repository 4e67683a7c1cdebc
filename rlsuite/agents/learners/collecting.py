"""Filling a rollout: all environments at once, or in groups, one stepped while another is inferred."""

from __future__ import annotations

from collections.abc import Callable

import torch

from rlsuite.agents.learners.rollout import Rollout
from rlsuite.envs.vector import VectorEnv

Act = Callable[[int, slice], torch.Tensor]
"""(row, group) to the actions for the environments of the group."""


def collect(env: VectorEnv, rollout: Rollout, act: Act, after_row: Callable[[int], bool]) -> int | None:
    """Fill the rollout.

    Args:
        env: In as many groups as shall overlap.
        rollout: Whose first row of observations is set.
        act: Infers.
        after_row: Called when all groups have given a row; False ends the collection.

    Returns:
        None, or the row after which ``after_row`` said to stop; the next one, if there is one, was filled too.
    """
    return (at_once if env.n_groups == 1 else in_turn)(env, rollout, act, after_row)


def at_once(env: VectorEnv, rollout: Rollout, act: Act, after_row: Callable[[int], bool]) -> int | None:
    """`collect` where all environments are one group: nothing is handed to another thread and back."""
    everything, stop_at = env.group_slice(0), None
    for t in range(rollout.n_steps):
        rollout.write(t, everything, env.step_tensor(act(t, everything)))
        if stop_at is not None:
            break
        if not after_row(t):
            stop_at = t
    return stop_at


def in_turn(env: VectorEnv, rollout: Rollout, act: Act, after_row: Callable[[int], bool]) -> int | None:
    """`collect` where one group steps in the background while another is inferred here."""
    groups = [env.group_slice(g) for g in range(env.n_groups)]
    for g, group in enumerate(groups):
        env.send(act(0, group), g)
    for t in range(rollout.n_steps):
        for g, group in enumerate(groups):
            rollout.write(t, group, env.recv(g))
            if t + 1 < rollout.n_steps:
                env.send(act(t + 1, group), g)
        if not after_row(t):
            for g, group in enumerate(groups if t + 1 < rollout.n_steps else ()):
                rollout.write(t + 1, group, env.recv(g))
            return t
    return None
