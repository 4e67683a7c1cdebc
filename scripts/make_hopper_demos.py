"""Make the shipped Hopper demonstrations from an expert.

    python scripts/make_hopper_demos.py EXPERT

EXPERT is what scripts/train_hopper_expert.py wrote, or the folder of a run of experiments/expert_hopper.yaml.

Records 25 episodes with the mean action and 25 with sampled actions, measures the two reference
scores (the expert's mean action over 100 episodes, random actions over 2,000), and stores both
sets as Minari data under rlsuite/demos/data, or under --root.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from rlsuite.agents.learners.ppo import PPO
from rlsuite.demos.collect import collect, record_episodes
from rlsuite.demos.store import SHIPPED, write_set
from rlsuite.envs.levels import make_vec
from rlsuite.experiment import load_policy
from rlsuite.runs.seeding import numpy_stream

LEVEL = "mujoco/Hopper-v5"
N_EPISODES, N_EXPERT, N_RANDOM, N_ENVS = 25, 100, 2000, 25
SEEDS = {"mean": 1001, "sampled": 1002, "expert score": 1003, "random score": 1004}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("expert", type=Path)
    parser.add_argument("--root", type=Path, default=SHIPPED)
    args = parser.parse_args()
    torch.set_num_threads(1)
    env = make_vec(LEVEL, N_ENVS, seed=0)
    learner = read_expert(args.expert, env)

    def act(deterministic: bool):
        return lambda obs: torch.as_tensor(learner.predict(obs.numpy(), deterministic=deterministic)[0])

    rng = numpy_stream(SEEDS["random score"], "random actions")
    random = returns(env, lambda obs: rng.uniform(-1, 1, (N_ENVS, 3)), N_RANDOM, SEEDS["random score"])
    expert = returns(env, act(True), N_EXPERT, SEEDS["expert score"])
    print(f"random {random.mean():.2f} over {len(random)}, expert {expert.mean():.2f} +- {expert.std():.2f} "
          f"(min {expert.min():.1f}) over {len(expert)}")  # fmt: skip
    for kind in ("mean", "sampled"):
        learner.action_rng.manual_seed(SEEDS[kind])
        torch.manual_seed(SEEDS[kind])
        demos = collect(
            act(kind == "mean"),
            env,
            N_EPISODES,
            f"rlsuite/hopper/expert-{kind}-v0",
            seed=SEEDS[kind],
            env_id=LEVEL,
            algorithm="PPO (rlsuite), scripts/train_hopper_expert.py, seed 0",
            description=f"{N_EPISODES} episodes of a Hopper-v5 expert, {kind} actions, clipped to [-1, 1].",
            ref_min_score=round(float(random.mean()), 3),
            ref_max_score=round(float(expert.mean()), 3),
        )
        folder = write_set(demos, args.root, overwrite=True)
        size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        print(json.dumps({"set": demos.id, "return_mean": round(float(demos.returns.mean()), 2),
                          "return_std": round(float(demos.returns.std()), 2), "length_min": int(demos.lengths.min()),
                          "bytes": size, "data_hash": demos.data_hash()}))  # fmt: skip


def read_expert(path: Path, env):
    if path.is_dir():
        return load_policy(path)
    learner = PPO("MlpPolicy", env, device="cpu")
    learner.load_policy_state(load_file(path))
    return learner


def returns(env, policy, n_episodes: int, seed: int) -> np.ndarray:
    return np.array([e.undiscounted_return for e in record_episodes(policy, env, n_episodes, seed)])


if __name__ == "__main__":
    main()
