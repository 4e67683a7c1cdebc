"""stable-baselines3's PPO on My Way Home, whole iterations, without curiosity; ``mode`` is its vector environment."""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import version

import torch
from doom_gym import FRAME_SKIP, make_single  # pyright: ignore[reportMissingImports]
from driver import serve, spec  # pyright: ignore[reportMissingImports]
from gymnasium.wrappers import ReshapeObservation
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv
from torch import nn


class FourConvolutions(BaseFeaturesExtractor):
    """32 channels, 3x3, stride 2, padding 1, ELU, four times (Pathak et al. 2017), then one linear layer."""

    def __init__(self, observation_space, features: int) -> None:
        super().__init__(observation_space, features)
        stack: list[nn.Module] = []
        channels = observation_space.shape[0]
        for _ in range(4):
            stack += [nn.Conv2d(channels, 32, 3, 2, 1), nn.ELU()]
            channels = 32
        self.net = nn.Sequential(*stack, nn.Flatten(), nn.Linear(288, features), nn.ELU())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Features (n, features)."""
        return self.net(observations)


def make_channels_first() -> Monitor:
    """One environment with uint8 observations (4, 42, 42)."""
    return Monitor(ReshapeObservation(make_single("same"), (4, 42, 42)))


def main() -> None:
    """Serve measurements of PPO."""
    want = spec()
    torch.set_num_threads(want["n_torch_threads"])
    os.chdir(tempfile.mkdtemp())  # the engines leave files where they stand
    kind = SubprocVecEnv if want["mode"] == "subproc" else DummyVecEnv
    env = kind([make_channels_first] * want["n_envs"])
    policy = {
        "features_extractor_class": FourConvolutions,
        "features_extractor_kwargs": {"features": want["features"]},
        "net_arch": [],
    }
    model = PPO("CnnPolicy", env, seed=want["seed"], device="cpu", policy_kwargs=policy, **want["ppo"])
    model.set_logger(Logger(None, []))
    per_iteration = want["n_envs"] * want["ppo"]["n_steps"]

    def advance() -> int:
        model.learn(per_iteration, reset_num_timesteps=False)
        return per_iteration

    serve(advance, FRAME_SKIP, {p: version(p) for p in ("stable-baselines3", "vizdoom", "torch")})
    env.close()


if __name__ == "__main__":
    main()
