"""Gymnasium's steps: its environments one after the other in this process, or (``"mode": "async"``) in processes."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import gymnasium as gym
from driver import mlp_policy, random_actions, serve, spec, unsupported  # pyright: ignore[reportMissingImports]
from gymnasium.vector import AutoresetMode


def main() -> None:
    """Serve measurements of one task."""
    want = spec()
    task = want["level"].removeprefix("mujoco/")
    if task not in gym.registry:
        unsupported(f"Gymnasium has no {task}")
    mode = want.get("mode", "sync")
    env = gym.make_vec(
        task,
        num_envs=want["n_envs"],
        vectorization_mode=mode,
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP, "copy": False},
    )
    space: Any = env.single_action_space
    obs_space: Any = env.single_observation_space
    obs, _ = env.reset(seed=want["seed"])
    if want["policy"]:
        policy = mlp_policy(obs_space.shape[0], space.low, space.high, want["seed"])
        act = policy
    else:
        draw = random_actions(space.low, space.high, want["n_envs"], want["seed"])
        act = lambda obs: draw()  # noqa: E731

    def advance() -> int:
        nonlocal obs
        obs, *_ = env.step(act(obs))
        return want["n_envs"]

    single: Any = gym.make(task).unwrapped
    serve(advance, int(single.frame_skip), {"gymnasium": gym.__version__, "mujoco": version("mujoco")})


if __name__ == "__main__":
    main()
