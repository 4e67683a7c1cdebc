"""stable-baselines3's PPO, one whole training: its first answer is the learning curve and the final score."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import Any

from driver import say, spec  # pyright: ignore[reportMissingImports]


def main() -> None:
    """Train, evaluate the mean action, answer."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.logger import KVWriter, Logger

    class Curve(KVWriter):
        """Keep what stable-baselines3 logs of finished episodes."""

        rows: list[list[float]] = []  # noqa: RUF012  one of it is made

        def write(self, key_values: dict[str, Any], key_excluded: dict[str, Any], step: int = 0) -> None:
            if "rollout/ep_rew_mean" in key_values:
                self.rows.append([step, round(float(key_values["rollout/ep_rew_mean"]), 3)])

        def close(self) -> None: ...

    want = spec()
    torch.set_num_threads(1)
    task = want["level"].removeprefix("mujoco/")
    env = make_vec_env(task, n_envs=want["n_envs"], seed=want["seed"])
    curve = Curve()
    model = PPO("MlpPolicy", env, seed=want["seed"], device="cpu", **want["ppo"])
    model.set_logger(Logger(None, [curve]))
    start = time.perf_counter()
    model.learn(want["env_steps"])
    wall = time.perf_counter() - start
    held_out = make_vec_env(task, n_envs=1, seed=want["seed"] + 10_000)
    mean, std = evaluate_policy(model, held_out, n_eval_episodes=want["final_episodes"])
    say(
        {
            "curve": curve.rows,
            "env_steps": model.num_timesteps,
            "train_wall_s": round(wall, 1),
            "final_return": round(float(mean), 3),  # type: ignore[arg-type]
            "final_return_std": round(float(std), 3),  # type: ignore[arg-type]
            "versions": {p: version(p) for p in ("stable-baselines3", "gymnasium", "mujoco", "torch")},
        }
    )


if __name__ == "__main__":
    main()
