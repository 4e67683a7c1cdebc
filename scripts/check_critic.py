"""What off-policy GAIL's critics expect beside what follows, and what its discriminator makes of another run's policy.

    python scripts/check_critic.py RUN [--policy OTHER_RUN] [--sampled]

Plays 8 environments of the run's level from the newest checkpoint, scores every step by the run's own
discriminator, and prints JSON: discounted returns, the critics' values and their correlation, and both before falls.
"""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rlsuite.agents.contracts import Batch
from rlsuite.agents.learners.sac_losses import q_values
from rlsuite.envs.levels import make_vec
from rlsuite.experiment.assembly import assemble
from rlsuite.experiment.opening import read_experiment
from rlsuite.experiment.saving import restore
from rlsuite.runs.checkpoint import load_checkpoint
from rlsuite.runs.folder import RunFolder

N_ENVS, BEFORE = 8, (1, 5, 10, 20, 40, 80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--policy", type=Path, help="a run whose (averaged) policy plays; none: the run's newest actor")
    parser.add_argument("--sampled", action="store_true", help="sample actions instead of taking the mean")
    parser.add_argument("--steps", type=int, default=600)
    args = parser.parse_args()
    torch.set_num_threads(1)
    judge, level = opened(args.run)
    player = opened(args.policy)[0] if args.policy else judge
    with torch.no_grad(), player.average.applied() if args.policy else nullcontext():
        print(json.dumps(figures(judge, play(player, level, args.steps, sampled=args.sampled)), indent=1))


def opened(run: Path) -> tuple[Any, str]:
    """The learner of a run, as its newest checkpoint left it, and the run's level."""
    experiment = read_experiment(RunFolder.find(run)).experiment
    assert experiment.env is not None
    learner = assemble(experiment).learner
    restore(learner, load_checkpoint(max((run / "checkpoints").iterdir())))
    return learner, experiment.env.id


@dataclass(frozen=True)
class Episodes:
    """Steps of `N_ENVS` environments, (steps, n, ...)."""

    obs: Tensor
    action: Tensor
    fell: Tensor
    reward: Tensor
    next_obs: Tensor

    def as_batch(self) -> Batch:
        """What a learned reward scores."""
        never = torch.zeros_like(self.fell)
        return Batch(self.obs, self.action, self.reward, self.fell, never, self.next_obs, never, info={})


def play(learner: Any, level: str, n_steps: int, *, sampled: bool) -> Episodes:
    """Steps by the learner's actor."""
    env = make_vec(level, N_ENVS, seed=3)
    obs, found = env.reset_all().float().clone(), []
    for _ in range(n_steps):
        mean, log_std, _ = learner.actor.get_action_dist_params(obs)
        unit = torch.tanh(mean + log_std.exp() * torch.randn_like(mean) if sampled else mean)
        action = learner._action_center + unit * learner._action_half
        step = env.step_tensor(action)
        next_obs = step.next_obs.float().clone()
        found.append((obs, action, step.terminated.clone(), step.reward.float().clone(), next_obs))
        obs = step.obs.float().clone()
    env.close()
    return Episodes(*map(torch.stack, zip(*found, strict=True)))


def figures(learner: Any, seen: Episodes) -> dict[str, Any]:
    """Returns and values by the learner's discriminator and critics."""
    gail, shape = learner.rewards[0], seen.fell.shape
    obs, action = seen.obs.flatten(0, 1), seen.action.flatten(0, 1)
    reward = gail.reward(seen.as_batch())
    features = learner.actor.extract_features(obs, learner.actor.features_extractor)
    value = q_values(learner.critic, features, learner.unit_action(action)).amin(1).view(shape)
    absorbing = torch.as_tensor(gail.absorbing_value(learner.gamma))
    back, returns = value[-1], []
    for step_reward, fell in zip(reward.flip(0), seen.fell.flip(0), strict=True):
        back = step_reward + learner.gamma * torch.where(fell, absorbing, back)
        returns.insert(0, back)
    follows = torch.stack(returns)
    falls = seen.fell.nonzero().tolist()
    rows = {k: [(t - k, e) for t, e in falls if t >= k and not seen.fell[t - k : t, e].any()] for k in BEFORE}
    return {
        "env_steps": learner.num_timesteps,
        "falls": len(falls),
        "env_reward_per_step": float(seen.reward.mean()),
        "absorbing_value": float(absorbing),
        "reward_mean": float(reward.mean()),
        "return_mean": float(follows.mean()),
        "value_mean": float(value.mean()),
        "correlation": float(torch.corrcoef(torch.stack([value.flatten(), follows.flatten()]))[0, 1]),
        "before_falls": {
            k: {"value": mean(value, at), "return": mean(follows, at), "reward": mean(reward, at)}
            for k, at in rows.items()
            if at
        },
    }


def mean(values: Tensor, at: list[tuple[int, int]]) -> float:
    """Of the entries at those places."""
    return float(torch.stack([values[t, e] for t, e in at]).mean())


if __name__ == "__main__":
    main()
