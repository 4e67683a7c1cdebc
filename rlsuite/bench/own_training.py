"""rlsuite's own side of a training comparison: ``python -m rlsuite.bench.own_training SPEC``."""

from __future__ import annotations

from importlib.metadata import version

from rlsuite.bench.peers.shared.driver import serve, spec
from rlsuite.envs.levels import make_vec


def main() -> None:
    """Serve measurements of whole PPO iterations on one level."""
    import torch
    from stable_baselines3.common.logger import Logger

    from rlsuite.agents.learners.ppo import PPO

    want = spec()
    torch.set_num_threads(want["n_torch_threads"])
    env = make_vec(want["level"], want["n_envs"], seed=want["seed"], n_threads=want["n_threads"])
    learner = PPO("MlpPolicy", env, seed=want["seed"], device="cpu", **want["ppo"])
    learner.set_logger(Logger(None, []))
    per_iteration = want["n_envs"] * want["ppo"]["n_steps"]

    def advance() -> int:
        learner.learn(learner.num_timesteps + per_iteration, reset_num_timesteps=False)
        return per_iteration

    serve(advance, env.frames_per_step, {p: version(p) for p in ("rlsuite", "mujoco", "torch")})
    env.close()


if __name__ == "__main__":
    main()
