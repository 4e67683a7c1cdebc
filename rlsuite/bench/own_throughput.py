"""rlsuite's own side of `rlsuite.bench.throughput`: ``python -m rlsuite.bench.own_throughput SPEC``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gymnasium as gym
import numpy as np

from rlsuite.bench.peers.shared.driver import mlp_policy, random_actions, serve, spec, unsupported
from rlsuite.config.schema import load_experiment
from rlsuite.envs.levels import make_vec
from rlsuite.envs.vector import VectorEnv

_ANY = {"budget": {"env_steps": 1}, "agent": {"kind": "rl"}}  # what an experiment needs beside its environment


def main() -> None:
    """Serve measurements of one level."""
    import torch

    torch.set_num_threads(1)
    want = spec()
    options = load_experiment({**_ANY, "env": want["env"]}).experiment.env
    env = make_vec(want["level"], want["n_envs"], seed=want["seed"], options=options, n_threads=want["n_threads"])
    advance = _with_policy(env, want["seed"]) if want["policy"] else _random(env, want["seed"])
    serve(advance, env.frames_per_step, _versions(want["level"]))
    env.close()


def _random(env: VectorEnv, seed: int) -> Callable[[], int]:
    """Every environment at once, with actions drawn beforehand."""
    draw = _action_source(env, seed)
    env.reset_all()

    def advance() -> int:
        env.step_tensor(draw())
        return env.num_envs

    return advance


def _action_source(env: VectorEnv, seed: int) -> Callable[[], Any]:
    space = env.action_space
    if isinstance(space, gym.spaces.Box):
        return random_actions(space.low, space.high, env.num_envs, seed)
    if isinstance(space, gym.spaces.Discrete):
        rng = np.random.default_rng(seed)
        return lambda: rng.integers(space.n, size=env.num_envs)
    return unsupported(f"random actions of {type(space).__name__}")


def _with_policy(env: VectorEnv, seed: int) -> Callable[[], int]:
    """Two groups, as the learners collect: one is stepped while the other's actions are inferred."""
    obs_space, space = env.observation_space, env.action_space
    if not isinstance(space, gym.spaces.Box) or len(obs_space.shape or ()) != 1:
        unsupported("a policy in the loop needs vector observations and Box actions")
    policy = mlp_policy(obs_space.shape[0], space.low, space.high, seed)  # type: ignore[index]
    n_groups = 2 if env.num_envs > 1 else 1
    env.set_groups(n_groups)
    obs = env.reset_all()
    starts = [policy(obs[env.group_slice(group)].numpy()) for group in range(n_groups)]
    return _threads(env, policy, starts) if env.steps_side_by_side else _in_turn(env, policy, starts)


def _threads(env: VectorEnv, policy: Callable[[Any], Any], actions: list[Any], n_rows: int = 16) -> Callable[[], int]:
    """Each group inferred and stepped by a thread of its own, ``n_rows`` at a time."""
    import torch

    def rows(group: int) -> None:
        for _ in range(n_rows):
            actions[group] = policy(env.step_group(actions[group], group).obs.numpy())

    pool = ThreadPoolExecutor(len(actions) - 1, initializer=torch.set_num_threads, initargs=(1,))

    def advance() -> int:
        others = [pool.submit(rows, group) for group in range(1, len(actions))]
        rows(0)
        for other in others:
            other.result()
        return n_rows * env.num_envs

    return advance


def _in_turn(env: VectorEnv, policy: Callable[[Any], Any], actions: list[Any]) -> Callable[[], int]:
    """One thread infers; the groups are stepped in the background."""
    for group, action in enumerate(actions):
        env.send(action, group)

    def advance() -> int:
        for group in range(len(actions)):
            env.send(policy(env.recv(group).obs.numpy()), group)
        return env.num_envs

    return advance


def _versions(level: str) -> dict[str, str]:
    from importlib.metadata import version

    names = ["rlsuite", *(["mujoco"] if level.startswith("mujoco/") else [])]
    return {name: version(name) for name in names}


if __name__ == "__main__":
    main()
