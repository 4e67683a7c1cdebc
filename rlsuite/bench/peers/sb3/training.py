"""stable-baselines3's PPO, whole iterations: collect and update. ``mode`` and ``n_torch_threads`` are its choices."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import gymnasium as gym
from driver import serve, spec  # pyright: ignore[reportMissingImports]


def main() -> None:
    """Serve measurements of PPO on one task."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    want = spec()
    torch.set_num_threads(want["n_torch_threads"])
    task = want["level"].removeprefix("mujoco/")
    kind = SubprocVecEnv if want["mode"] == "subproc" else DummyVecEnv
    env = make_vec_env(task, n_envs=want["n_envs"], seed=want["seed"], vec_env_cls=kind)
    model = PPO("MlpPolicy", env, seed=want["seed"], device="cpu", **want["ppo"])
    model.set_logger(Logger(None, []))
    per_iteration = want["n_envs"] * want["ppo"]["n_steps"]
    single: Any = gym.make(task).unwrapped

    def advance() -> int:
        model.learn(per_iteration, reset_num_timesteps=False)
        return per_iteration

    serve(
        advance, int(single.frame_skip), {p: version(p) for p in ("stable-baselines3", "gymnasium", "mujoco", "torch")}
    )
    env.close()


if __name__ == "__main__":
    main()
