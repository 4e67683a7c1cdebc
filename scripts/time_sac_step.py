"""Time SAC's gradient step by hand beside the same step by autograd, in interleaved pairs on one core.

python scripts/time_sac_step.py [--hidden 128] [--batch-size 256] [--policy-delay 1]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from rlsuite.agents.learners.sac import SAC
from rlsuite.agents.learners.sac_autograd import autograd_step
from rlsuite.agents.learners.sac_losses import StepBatch
from rlsuite.envs.levels import make_vec

PAIRS, STEPS = 60, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--policy-delay", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    env = make_vec("mujoco/Hopper-v5", 1, seed=0)
    learner = SAC("MlpPolicy", env, network={"hidden": [args.hidden] * 2}, seed=0, device="cpu")
    batch = random_batch(args.policy_delay, args.batch_size)
    assert learner._fused is not None
    found = seconds(learner._fused, partial(autograd_step, learner), batch)
    by_hand, autograd = ([1e3 * t / args.policy_delay for t in times] for times in found)
    answer = {
        "ms_by_hand": statistics.median(by_hand),
        "ms_autograd": statistics.median(autograd),
        "ratio": statistics.median(a / b for a, b in zip(autograd, by_hand, strict=True)),
        "per": "critic step",
        **vars(args),
    }
    print(json.dumps(answer))
    env.close()


def random_batch(steps: int, n: int) -> StepBatch:
    """Transitions of Hopper's shapes."""
    obs, next_obs = torch.randn(2, steps, n, 11)
    action, next_noise = torch.rand(steps, n, 3) * 2 - 1, torch.randn(steps, n, 3)
    flags = torch.zeros(steps, n, dtype=torch.bool)
    return StepBatch(obs, action, torch.randn(steps, n), flags, next_obs, torch.randn(n, 3), next_noise, 0.0)


def seconds(
    first: Callable[[StepBatch], object], second: Callable[[StepBatch], object], batch: StepBatch
) -> tuple[list[float], list[float]]:
    """CPU seconds of one call of each, in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(PAIRS):
        for step, own in zip((first, second), times, strict=True):
            begin = time.thread_time()
            for _ in range(STEPS):
                step(batch)
            own.append((time.thread_time() - begin) / STEPS)
    return times


if __name__ == "__main__":
    main()
