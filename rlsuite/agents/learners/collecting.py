"""Stepping the groups of a rollout: in turn, or side by side in a thread each."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch

from rlsuite.agents.learners.rollout import Rollout
from rlsuite.envs.vector import VectorEnv

Act = Callable[[int, slice], torch.Tensor]
"""(row, group) to the actions for the environments of the group."""


def in_turn(env: VectorEnv, rollout: Rollout, act: Act, after_row: Callable[[int], bool]) -> int | None:
    """Fill the rollout: one group steps in the background while another is inferred here.

    Args:
        env: In as many groups as shall overlap.
        rollout: Whose first row of observations is set.
        act: Infers.
        after_row: Called when all groups have given a row; False ends the collection.

    Returns:
        None, or the row after which ``after_row`` said to stop; the next one, if there is one, was filled too.
    """
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


def side_by_side(env: VectorEnv, rollout: Rollout, act: Act, after_row: Callable[[int], bool]) -> int | None:
    """As `in_turn`, with the same bits: each group is inferred and stepped by a thread of its own.

    No thread hands anything over at every step, which on two cores costs more than the inference. The other
    groups are at most one row ahead of the first, which is the caller's.
    """
    others = [_Worker(env, rollout, act, g) for g in range(1, env.n_groups)]
    mine = env.group_slice(0)
    try:
        for t in range(rollout.n_steps):
            rollout.write(t, mine, env.step_group(act(t, mine), 0))
            for worker in others:
                worker.wait()
            if not after_row(t):
                if t + 1 < rollout.n_steps:
                    rollout.write(t + 1, mine, env.step_group(act(t + 1, mine), 0))
                    for worker in others:
                        worker.wait()
                return t
            for worker in others:
                worker.allow()
    finally:
        for worker in others:
            worker.end()
    return None


class _Worker:
    """A thread that fills the rows of one group, at most one row ahead of the caller."""

    def __init__(self, env: VectorEnv, rollout: Rollout, act: Act, group: int) -> None:
        self._arguments = (env, rollout, act, group)
        self._allowed = threading.Semaphore(2)
        self._filled = threading.Semaphore(0)
        self._stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"rlsuite-collect-{group}", daemon=True)
        self._thread.start()

    def allow(self) -> None:
        """Let it begin one row more."""
        self._allowed.release()

    def wait(self) -> None:
        """Return when it has filled one row more; raise what it raised."""
        self._filled.acquire()
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Let it finish the row it is at."""
        self._stopped = True
        self._allowed.release()
        self._thread.join()

    @torch.no_grad()
    def _run(self) -> None:
        env, rollout, act, group = self._arguments
        where = env.group_slice(group)
        try:
            for t in range(rollout.n_steps):
                self._allowed.acquire()
                if self._stopped:
                    return
                rollout.write(t, where, env.step_group(act(t, where), group))
                self._filled.release()
        except BaseException as error:
            self._error = error
            self._filled.release()
