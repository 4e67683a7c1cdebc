"""One Gymnasium environment, made so that its spaces are what learners read."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation, TransformAction, TransformObservation

from rlsuite.errors import UserError


def maker(id: str, kwargs: Mapping[str, Any], max_episode_steps: int | None, dtype: str) -> Callable[[], gym.Env]:
    """A function that makes one environment, its observations and actions brought to the house's form."""
    return lambda: adapt(make_raw(id, kwargs, max_episode_steps), dtype)


def make_raw(id: str, kwargs: Mapping[str, Any], max_episode_steps: int | None) -> gym.Env:
    """``gymnasium.make`` with pictures where the environment has them.

    Raises:
        UserError: Unknown id (with the nearest ones), missing dependency, or refused arguments.
    """
    limit = {} if max_episode_steps is None else {"max_episode_steps": max_episode_steps}
    check_id(id)
    try:
        return gym.make(id, render_mode="rgb_array", **limit, **kwargs)
    except gym.error.DependencyNotInstalled as error:
        raise UserError(f"gym/{id} needs a package that is not installed: {error}") from error
    except (TypeError, ValueError, AssertionError, gym.error.Error) as error:
        return _make_without_pictures(id, {**limit, **kwargs}, error)


def _make_without_pictures(id: str, arguments: Mapping[str, Any], first: Exception) -> gym.Env:
    try:
        return gym.make(id, **arguments)
    except Exception:
        raise UserError(f"gym/{id} could not be made with {dict(arguments)}: {first}") from first


def check_id(id: str) -> None:
    """Refuse an id that Gymnasium does not know.

    Raises:
        UserError: With the nearest ids, or the module that could not be imported.
    """
    module, _, name = id.rpartition(":")
    if module:
        try:
            __import__(module)
        except ImportError as error:
            raise UserError(f"gym/{id}: module '{module}' cannot be imported: {error}") from error
    if name in gym.registry:
        return
    near = difflib.get_close_matches(name, list(gym.registry), n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(f'gym/{n}' for n in near)}?" if near else "."
    raise UserError(
        f"Gymnasium knows no environment '{name}'{hint} "
        "An environment of another package is named gym/<module>:<id>, so that the module is imported first."
    )


def adapt(env: gym.Env, dtype: str) -> gym.Env:
    """Images to uint8 C x H x W, everything else to one flat vector of ``dtype`` (discrete: one-hot)."""
    env = _adapt_action(env)
    space = env.observation_space
    if isinstance(space, spaces.Box) and is_image(space):
        return _channels_first(env, space)
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        env = FlattenObservation(env)
    space = env.observation_space
    assert isinstance(space, spaces.Box)
    kind = np.dtype(dtype).type
    target = spaces.Box(space.low.astype(kind), space.high.astype(kind), dtype=kind)
    return TransformObservation(env, lambda obs: np.asarray(obs, dtype=kind), target)


def is_image(space: spaces.Box) -> bool:
    """Whether a box holds pictures: uint8 with two dimensions, or three with channels first or last."""
    if space.dtype != np.uint8 or len(space.shape) not in (2, 3):
        return False
    return len(space.shape) == 2 or space.shape[-1] in (1, 3, 4) or space.shape[0] in (1, 3, 4)


def _channels_first(env: gym.Env, space: spaces.Box) -> gym.Env:
    if len(space.shape) == 2:
        return TransformObservation(env, lambda obs: obs[None], _bytes(1, *space.shape))
    if space.shape[-1] in (1, 3, 4):
        height, width, channels = space.shape
        return TransformObservation(
            env, lambda obs: np.ascontiguousarray(np.moveaxis(obs, -1, 0)), _bytes(channels, height, width)
        )
    return env


def _bytes(*shape: int) -> spaces.Box:
    return spaces.Box(0, 255, shape, np.uint8)


def _adapt_action(env: gym.Env) -> gym.Env:
    """Box actions as float32; discrete ones counted from 0."""
    space = env.action_space
    if isinstance(space, spaces.Box):
        target = spaces.Box(space.low.astype(np.float32), space.high.astype(np.float32), dtype=np.float32)
        kind = space.dtype
        return TransformAction(env, lambda action: np.asarray(action, dtype=kind), target)
    if isinstance(space, spaces.Discrete):
        start = int(space.start)
        return TransformAction(env, lambda action: int(action) + start, spaces.Discrete(int(space.n)))
    if isinstance(space, spaces.MultiDiscrete | spaces.MultiBinary):
        return env
    raise UserError(
        f"actions of {type(space).__name__} are not supported; allowed are Box, Discrete, MultiDiscrete and "
        "MultiBinary. Wrap the environment and register the wrapped one."
    )
