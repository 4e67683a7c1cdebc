"""Refuses demonstrations that cannot be used, by file, episode and step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from rlsuite.demos.data import DemoSet, Episode
from rlsuite.errors import DataError

BOX_TOLERANCE = 1e-4
"""Room for float32 rounding, as a share of the action range."""


def check_set(demos: DemoSet) -> DemoSet:
    """Refuse a set that is empty, has NaN, or whose arrays do not fit together.

    Raises:
        DataError: With the source, the episode and the step.
    """
    where = demos.source or demos.id
    if not demos.episodes:
        raise DataError(f"{where} holds no episodes")
    for i, episode in enumerate(demos.episodes):
        _check_lengths(episode, f"{where}, episode {i}")
        _check_finite(episode, f"{where}, episode {i}")
        if episode.obs.shape[1:] != demos.episodes[0].obs.shape[1:]:
            raise DataError(
                f"{where}: observations of episode {i} have shape {episode.obs.shape[1:]}, those of "
                f"episode 0 {demos.episodes[0].obs.shape[1:]}"
            )
    return demos


def check_environment(demos: DemoSet, env_id: str | None, allow_other: bool) -> None:
    """Refuse a set recorded in another environment than the experiment's.

    Args:
        demos: The set.
        env_id: Level or Gymnasium id of the experiment; None is not checked.
        allow_other: The user's word that it fits.

    Raises:
        DataError: The ids differ.
    """
    if env_id is None or demos.env_id is None or allow_other:
        return
    if _bare(env_id) != _bare(demos.env_id):
        raise DataError(
            f"{demos.source or demos.id} was recorded in {demos.env_id}, the experiment's level is {env_id}. "
            "Choose a set of that level (`rlsuite demos list`), or set demos.allow_other_env: true "
            "if you know that observations and actions mean the same."
        )


def check_spaces(
    demos: DemoSet, observation_space: Any, action_space: Any, actions_outside: Literal["refuse", "clip"]
) -> DemoSet:
    """Refuse a set whose dimensions or actions do not fit the level's spaces; clip actions if told to.

    Raises:
        DataError: With what was found and what is allowed.
    """
    where = demos.source or demos.id
    first = demos.episodes[0]
    if observation_space is not None and first.obs.shape[1:] != observation_space.shape:
        raise DataError(
            f"{where}: observations have shape {first.obs.shape[1:]}, the level's {observation_space.shape}"
        )
    if isinstance(action_space, spaces.Discrete):
        _check_discrete(demos, action_space, where)
        return demos
    if not isinstance(action_space, spaces.Box):
        return demos
    if first.action.shape[1:] != action_space.shape:
        raise DataError(f"{where}: actions have shape {first.action.shape[1:]}, the level's {action_space.shape}")
    if actions_outside == "refuse":
        _check_inside(demos, action_space, where)
    clipped = [
        replace(e, action=np.clip(e.action, action_space.low, action_space.high).astype(np.float32))
        for e in demos.episodes
    ]
    return replace(demos, episodes=tuple(clipped))


def _check_lengths(episode: Episode, where: str) -> None:
    n = len(episode.action)
    if n == 0:
        raise DataError(f"{where} is empty")
    found = {
        "observations": (len(episode.obs), n + 1),
        "rewards": (len(episode.reward), n),
        "terminations": (len(episode.terminated), n),
        "truncations": (len(episode.truncated), n),
    }
    for name, (length, wanted) in found.items():
        if length != wanted:
            raise DataError(f"{where}: {length} {name} for {n} actions, expected {wanted}; the file may be cut short")


def _check_finite(episode: Episode, where: str) -> None:
    for name, array in (("observation", episode.obs), ("action", episode.action), ("reward", episode.reward)):
        if not np.issubdtype(array.dtype, np.number):
            raise DataError(f"{where}: {name}s are of type {array.dtype}, expected numbers")
        bad = ~np.isfinite(array)
        if bad.any():
            step = int(np.argwhere(bad)[0][0])
            raise DataError(f"{where}: {name} of step {step} is {array[step]}, not finite")


def _check_inside(demos: DemoSet, space: spaces.Box, where: str) -> None:
    room = BOX_TOLERANCE * np.where(np.isfinite(space.high - space.low), space.high - space.low, 0.0)
    for i, episode in enumerate(demos.episodes):
        outside = (episode.action < space.low - room) | (episode.action > space.high + room)
        if outside.any():
            step = int(np.argwhere(outside)[0][0])
            raise DataError(
                f"{where}, episode {i}, step {step}: action {episode.action[step]} lies outside "
                f"[{space.low.min():g}, {space.high.max():g}]"
                ". Set demos.actions_outside: clip if the expert sampled from an unbounded Gaussian."
            )


def _check_discrete(demos: DemoSet, space: spaces.Discrete, where: str) -> None:
    for i, episode in enumerate(demos.episodes):
        action = episode.action
        low, high = int(space.start), int(space.start + space.n - 1)
        if action.ndim != 1 or (action != np.round(action)).any() or action.min() < low or action.max() > high:
            raise DataError(f"{where}, episode {i}: actions are not integers in {low}..{high} as the level expects")


def _bare(env_id: str) -> str:
    """``mujoco/Hopper-v5`` and ``gym/Hopper-v5`` are Gymnasium's ``Hopper-v5``."""
    for prefix in ("mujoco/", "gym/"):
        env_id = env_id.removeprefix(prefix)
    return env_id
