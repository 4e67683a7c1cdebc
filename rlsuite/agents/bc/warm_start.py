"""Lets a learner begin with a cloned policy instead of a random one."""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.sac.policies import LOG_STD_MAX, LOG_STD_MIN

from rlsuite.agents.bc.agent import clone
from rlsuite.agents.bc.config import BcConfig
from rlsuite.agents.learners.ppo import PPO
from rlsuite.agents.learners.sac import SAC
from rlsuite.errors import UserError
from rlsuite.runs.seeding import torch_stream

ACTING = ("mlp_extractor.policy_net.", "action_net.")
OBS_COUNT = 100_000
"""Observations that the demonstrations' statistics count as: with their true number the first rollout
would rescale the inputs under the cloned policy's feet."""
LOG_STD = -1.5
"""Log standard deviation, before the squashing, that SAC's clone begins with: the demonstrations give none."""
BATCH_SIZE = 128
LARGEST_UNIT_ACTION = 0.99
"""Targets of a squashed mean stay inside (-1, 1), where the slope of tanh has not gone."""


def warm_start(learner: Any, demos: Any, *, n_steps: int, seed: int) -> None:
    """Clone the demonstrations and put the result where the learner's policy begins.

    Value functions stay as they were. PPO's observation statistics begin with the demonstrations' own and
    its standard deviation stays; SAC's, which its actor computes, begins at exp(`LOG_STD`).

    Args:
        learner: A `PPO` or a `SAC` on vectors, before its first step.
        demos: `rlsuite.demos.Demonstrations`.
        n_steps: Gradient steps of cloning at most.
        seed: Of cloning.

    Raises:
        UserError: The learner has no policy that could be cloned.
    """
    if isinstance(learner, SAC):
        _clone_into_sac(learner, demos.to(learner.device), n_steps, seed)
    elif isinstance(learner, PPO) and not learner.policy.learns_encoder:
        _clone_into_ppo(learner, demos, n_steps, seed)
    else:
        raise UserError(
            "agent.rewards[gail].bc_steps: only PPO and SAC on vectors can begin with a cloned policy; set it to 0 "
            f"(the learner is {type(learner).__name__})"
        )


def _clone_into_ppo(learner: PPO, demos: Any, n_steps: int, seed: int) -> None:
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


def _clone_into_sac(learner: SAC, demos: Any, n_steps: int, seed: int) -> None:
    """Least squares on the squashed mean of all pairs; nothing is held out, for there is no snapshot to choose."""
    actor, rng = learner.actor, torch_stream(seed, "bc", learner.device)
    for normalizer in learner.normalizers:
        normalizer.update(demos.obs)
        normalizer.count.fill_(OBS_COUNT)
    with torch.no_grad():
        features = actor.extract_features(demos.obs, actor.features_extractor)
        wanted = learner.unit_action(demos.action).clamp(-LARGEST_UNIT_ACTION, LARGEST_UNIT_ACTION)
    parameters = list(actor.parameters())
    adam = torch.optim.Adam([p for p in parameters if p.requires_grad], lr=BcConfig().learning_rate)
    for _ in range(n_steps):
        row = torch.randint(len(wanted), (BATCH_SIZE,), generator=rng, device=learner.device)
        hidden = actor.latent_pi(features[row])
        log_std = actor.log_std(hidden).clamp(LOG_STD_MIN, LOG_STD_MAX)  # type: ignore[operator]
        error = torch.tanh(actor.mu(hidden)) - wanted[row]
        adam.zero_grad(set_to_none=False)  # the gradients are views that the learner holds
        (error.square().mean() + 0.1 * (log_std - LOG_STD).square().mean()).backward()
        adam.step()
    learner.begins_trained = True
