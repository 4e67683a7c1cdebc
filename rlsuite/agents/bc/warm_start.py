"""Lets an on-policy learner begin with a cloned policy instead of a random one."""

from __future__ import annotations

from typing import Any

import torch

from rlsuite.agents.bc.agent import clone
from rlsuite.agents.bc.config import BcConfig
from rlsuite.agents.learners.ppo import PPO
from rlsuite.errors import UserError

ACTING = ("mlp_extractor.policy_net.", "action_net.")
OBS_COUNT = 100_000
"""Observations that the demonstrations' statistics count as: with their true number the first rollout
would rescale the inputs under the cloned policy's feet."""


def warm_start(learner: Any, demos: Any, *, n_steps: int, seed: int) -> None:
    """Clone the demonstrations and put the result where the learner's policy begins.

    Observation statistics begin with the demonstrations' own. Value function and the standard
    deviation of the actions stay as they were.

    Args:
        learner: A `PPO` on vectors, before its first step.
        demos: `rlsuite.demos.Demonstrations`.
        n_steps: Gradient steps of cloning at most.
        seed: Of cloning.

    Raises:
        UserError: The learner has no policy that could be cloned.
    """
    if not isinstance(learner, PPO) or learner.policy.learns_encoder:
        raise UserError(
            "agent.rewards[gail].bc_steps: only PPO on vectors can begin with a cloned policy; set it to 0 "
            f"(the learner is {type(learner).__name__})"
        )
    network = learner.config.network
    config = BcConfig(hidden_sizes=tuple(network.hidden), activation=network.activation, n_steps=n_steps)
    cloned = clone(demos, learner.env, config=config, seed=seed, device=learner.device).policy
    target = learner.policy.state_dict()
    with torch.no_grad():
        for key, value in cloned.state_dict().items():
            if key.startswith(ACTING):
                target[key].copy_(value)
        ours, theirs = learner.policy.normalizer, cloned.normalizer
        if ours is not None and theirs is not None:
            ours.mean.copy_(theirs.mean)
            ours.var.copy_(theirs.var)
            ours.count.fill_(OBS_COUNT)
