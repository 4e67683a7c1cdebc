"""rlsuite's own side of `rlsuite.bench.throughput`: ``python -m rlsuite.bench.own_throughput SPEC``."""

from __future__ import annotations

from collections.abc import Callable
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
    """As the learners collect: in two groups, one stepped while the other is inferred, where that pays."""
    obs_space, space = env.observation_space, env.action_space
    if not isinstance(space, gym.spaces.Box) or len(obs_space.shape or ()) != 1:
        unsupported("a policy in the loop needs vector observations and Box actions")
    policy = mlp_policy(obs_space.shape[0], space.low, space.high, seed)  # type: ignore[index]
    env.set_groups(2 if env.num_envs > 1 and env.overlap_pays else 1)
    actions = policy(env.reset_all().numpy())
    if env.n_groups == 1:
        return _at_once(env, policy, actions)
    for group in range(env.n_groups):
        env.send(actions[env.group_slice(group)], group)

    def advance() -> int:
        for group in range(env.n_groups):
            env.send(policy(env.recv(group).obs.numpy()), group)
        return env.num_envs

    return advance


def _at_once(env: VectorEnv, policy: Callable[[Any], Any], actions: Any) -> Callable[[], int]:
    def advance() -> int:
        nonlocal actions
        actions = policy(env.step_tensor(actions).obs.numpy())
        return env.num_envs

    return advance


def _versions(level: str) -> dict[str, str]:
    from importlib.metadata import version

    names = ["rlsuite", *(["mujoco"] if level.startswith("mujoco/") else [])]
    return {name: version(name) for name in names}


if __name__ == "__main__":
    main()
