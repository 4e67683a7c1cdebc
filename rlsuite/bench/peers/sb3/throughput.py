"""stable-baselines3's vector environments: one process (``"mode": "dummy"``) or many (``"mode": "subproc"``)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import gymnasium as gym
from driver import mlp_policy, random_actions, serve, spec, unsupported  # pyright: ignore[reportMissingImports]
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv


def main() -> None:
    """Serve measurements of one task."""
    want = spec()
    task = want["level"].removeprefix("mujoco/")
    if task not in gym.registry:
        unsupported(f"Gymnasium has no {task}")
    kind = SubprocVecEnv if want.get("mode", "dummy") == "subproc" else DummyVecEnv
    env = make_vec_env(task, n_envs=want["n_envs"], seed=want["seed"], vec_env_cls=kind)
    space: Any = env.action_space
    obs_space: Any = env.observation_space
    obs = env.reset()
    if want["policy"]:
        policy = mlp_policy(obs_space.shape[0], space.low, space.high, want["seed"])
        act: Any = policy
    else:
        draw = random_actions(space.low, space.high, want["n_envs"], want["seed"])
        act = lambda obs: draw()  # noqa: E731

    def advance() -> int:
        nonlocal obs
        obs, *_ = env.step(act(obs))
        return want["n_envs"]

    single: Any = gym.make(task).unwrapped
    serve(
        advance, int(single.frame_skip), {p: version(p) for p in ("stable-baselines3", "gymnasium", "mujoco", "torch")}
    )
    env.close()


if __name__ == "__main__":
    main()
