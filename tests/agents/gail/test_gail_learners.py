"""GAIL with learners: weight 0 equals absent, no leakage of rewards, and a policy that begins as a clone."""

import numpy as np
import pytest
import torch

from rlsuite.agents.contracts import RewardContext
from rlsuite.agents.gail.agent import GailReward
from rlsuite.agents.gail.config import GailConfig
from rlsuite.agents.learners.config import PPOConfig, SACConfig
from rlsuite.agents.learners.recurrent_ppo import make as make_ppo
from rlsuite.agents.learners.sac import make as make_sac
from rlsuite.demos.data import Demonstrations
from rlsuite.envs.levels import make_vec
from rlsuite.errors import UserError

LEVEL, N_ENVS = "mujoco/InvertedPendulum-v5", 4
PPO = PPOConfig(n_steps=16, batch_size=32, n_epochs=2)
SAC = SACConfig(learning_starts=32, batch_size=32, reward_update_every=16, reward_updates=2, reward_batch_size=32)


def demos():
    g = torch.Generator().manual_seed(0)
    obs = torch.randn(120, 4, generator=g) * 0.1
    flags = torch.zeros(120, dtype=torch.bool)
    return Demonstrations(
        id="test", obs=obs, action=(3 * obs[:, :1] + obs[:, 1:2]).clamp(-3, 3), next_obs=obs, terminated=flags,
        truncated=flags, episode=torch.zeros(120, dtype=torch.int64), n_trajectories=1, subsample=1, n_terminated=0,
        returns=(1.0,),
    )  # fmt: skip


def make_reward(env, **config):
    context = RewardContext(env.observation_space, env.action_space, N_ENVS, 0.99, torch.device("cpu"), 5, demos())
    return GailReward(GailConfig(**({"batch_size": 32, "n_updates": 2} | config)), context)


def train(kind, rewards=1, steps=128, env_reward=None, extrinsic_coef=1.0, **config):
    env = make_vec(LEVEL, N_ENVS, seed=3)
    if env_reward is not None:
        spoil(env, env_reward)
    models = [make_reward(env, **config) for _ in range(rewards)]
    maker, section = (make_ppo, PPO) if kind == "ppo" else (make_sac, SAC)
    learner = maker(section, env, rewards=models, extrinsic_coef=extrinsic_coef, seed=1, device="cpu")
    learner.learn(steps)
    env.close()
    return learner


def spoil(env, change):
    """Hand on another reward than the environment's own."""
    from dataclasses import replace

    recv = env.recv
    env.recv = lambda group=0: (lambda step: replace(step, reward=change(step.reward)))(recv(group))


def parameters(learner):
    return {k: v for k, v in learner.policy.state_dict().items() if v.dtype.is_floating_point}


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_weight_0_equals_absent_bit_for_bit(kind):
    absent, silent, loud = train(kind, rewards=0), train(kind, weight=0.0), train(kind, weight=1.0)
    for key, value in parameters(absent).items():
        assert torch.equal(value, parameters(silent)[key]), key
    assert any(not torch.equal(v, parameters(loud)[k]) for k, v in parameters(absent).items())


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_the_environments_own_reward_never_leaks(kind):
    plain = train(kind, extrinsic_coef=0.0)
    spoilt = train(kind, extrinsic_coef=0.0, env_reward=lambda r: -7.0 * r.flip(0) + 3.0)
    for key, value in parameters(plain).items():
        assert torch.equal(value, parameters(spoilt)[key]), key
    left, right = (x.rewards[0].state_dict()["discriminator"] for x in (plain, spoilt))
    assert all(torch.equal(v, right[k]) for k, v in left.items())


def test_what_sac_takes_from_the_demonstrations_directly():
    env = make_vec(LEVEL, N_ENVS, seed=3)
    assert make_reward(env).lesson is None
    lesson = make_reward(env, bc_coef=0.5, demo_share=0.25).lesson
    env.close()
    assert (lesson.bc_coef, lesson.share, len(lesson.obs)) == (0.5, 0.25, 120)
    taught, again, plain = (train("sac", **c) for c in ({"demo_share": 0.25, "bc_coef": 0.5},) * 2 + ({},))
    for key, value in parameters(taught).items():
        assert torch.equal(value, parameters(again)[key]), key
    assert any(not torch.equal(v, parameters(taught)[k]) for k, v in parameters(plain).items())


def test_a_warm_start_puts_the_clone_into_the_policy():
    env = make_vec(LEVEL, N_ENVS, seed=3)
    reward = make_reward(env, bc_steps=300)
    learner = make_ppo(PPO, env, rewards=[reward], extrinsic_coef=0.0, seed=1, device="cpu")
    before = {k: v.clone() for k, v in parameters(learner).items()}
    reward.warm_start(learner)
    data = demos()
    action, _ = learner.predict(data.obs.numpy(), deterministic=True)
    assert np.square(action - data.action.numpy()).mean() < 0.2 * data.action.var().item()
    assert torch.equal(learner.policy.log_std, before["log_std"])
    assert torch.equal(learner.policy.value_net.weight, before["value_net.weight"])
    held = torch.cat([p.detach().reshape(-1) for p in learner.flat.parameters])
    assert torch.equal(held, learner.flat.param.detach())  # still the views that the optimiser moves
    learner.learn(64)
    env.close()


def test_no_warm_start_unless_asked_for():
    env = make_vec(LEVEL, N_ENVS, seed=3)
    for config in ({}, {"bc_steps": 300, "weight": 0.0}):
        learner = make_ppo(PPO, env, rewards=[], seed=1, device="cpu")
        before = {k: v.clone() for k, v in parameters(learner).items()}
        make_reward(env, **config).warm_start(learner)
        assert all(torch.equal(v, before[k]) for k, v in parameters(learner).items())
    env.close()


def test_a_warm_start_puts_the_clone_into_sacs_actor():
    env = make_vec(LEVEL, N_ENVS, seed=3)
    reward = make_reward(env, bc_steps=400)
    learner = make_sac(SAC, env, rewards=[reward], extrinsic_coef=0.0, seed=1, device="cpu")
    before = learner.flat_critic.param.detach().clone()
    reward.warm_start(learner)
    data = demos()
    action, _ = learner.predict(data.obs.numpy(), deterministic=True)
    assert np.square(action - data.action.numpy()).mean() < 0.2 * data.action.var().item()
    assert torch.equal(before, learner.flat_critic.param.detach())
    held = torch.cat([p.detach().reshape(-1) for p in learner.flat_actor.parameters])
    assert torch.equal(held, learner.flat_actor.param.detach())  # still the views that the optimiser moves
    learner._obs = data.obs[:N_ENVS]
    assert (learner._explore() - torch.as_tensor(action[:N_ENVS])).abs().mean() < 1.0  # not uniform in (-3, 3)
    learner._obs = torch.empty(0)
    learner.learn(64)
    env.close()


def test_other_learners_are_told_that_they_cannot():
    env = make_vec(LEVEL, N_ENVS, seed=3)
    with pytest.raises(UserError, match="bc_steps: only PPO and SAC on vectors"):
        make_reward(env, bc_steps=10).warm_start(object())
    env.close()
