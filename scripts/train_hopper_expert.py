"""Train the expert behind the shipped Hopper demonstrations: rlsuite's PPO on the environment's own reward.

    python scripts/train_hopper_expert.py --seed 0 --out expert.safetensors
    python scripts/make_hopper_demos.py expert.safetensors

The settings are those of experiments/expert_hopper.yaml, without the run folder around them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from stable_baselines3.common.callbacks import BaseCallback

from rlsuite.agents.learners.config import PPOConfig
from rlsuite.agents.learners.ppo import make
from rlsuite.envs.levels import make_vec
from rlsuite.evaluation import play

LEVEL, N_ENVS, STEPS = "mujoco/Hopper-v5", 32, 3_000_000
SETTINGS = PPOConfig(
    n_steps=256,
    batch_size=512,
    n_epochs=10,
    learning_rate=3e-4,
    lr_schedule="linear",
    gamma=0.995,
    gae_lambda=0.97,
    normalize_reward=True,
)


class Lines(BaseCallback):
    """Prints a line every 100,000 env steps."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.next = time.time(), 0

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self.next and self.model.ep_info_buffer:
            self.next += 100_000
            mean = np.mean([e["r"] for e in self.model.ep_info_buffer])
            print(f"{self.num_timesteps} steps, return {mean:.0f}, {time.time() - self.began:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    learner = make(SETTINGS, make_vec(LEVEL, N_ENVS, seed=args.seed), seed=args.seed, device="cpu")
    learner.learn(args.steps, callback=Lines())
    save_file({k: v.clone() for k, v in learner.policy_state().items()}, args.out)
    for deterministic in (True, False):
        found = play(learner, make_vec(LEVEL, 50, seed=1), 50, seed=1, deterministic=deterministic)
        kind = "mean" if deterministic else "sampled"
        print(
            f"{kind} action: {found.returns.mean():.1f} +- {found.returns.std():.1f}, worst {found.returns.min():.1f}"
        )


if __name__ == "__main__":
    main()
