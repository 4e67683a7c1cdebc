"""Curiosity beside PPO: weight 0 is absence, the bonus has a head of its own, a corridor is crossed."""

import pytest
import torch

from rlsuite.agents.contracts import LearnedReward, RewardContext
from rlsuite.agents.curiosity.config import IcmConfig, RndConfig
from rlsuite.agents.curiosity.icm import IcmReward
from rlsuite.agents.curiosity.rnd import RndReward
from rlsuite.agents.learners.ppo import PPO
from rlsuite.testing import ProbeEnv, make_probe, same_bits

SMALL = {"hidden": 32, "batch_size": 64, "mask_terminal": False}


def learner(env: ProbeEnv, rewards: list[LearnedReward], seed: int = 0) -> PPO:
    return PPO(
        "MlpPolicy",
        env,
        rewards=rewards,
        seed=seed,
        device="cpu",
        n_steps=64,
        batch_size=128,
        n_epochs=4,
        learning_rate=1e-3,
        ent_coef=0.01,
        normalize_obs=False,
        advantage_norm="running",
    )


def context(env: ProbeEnv, seed: int = 0) -> RewardContext:
    device = torch.device("cpu")
    return RewardContext(env.observation_space, env.action_space, env.num_envs, gamma=0.99, device=device, seed=seed)


def test_weight_zero_is_absence_bit_for_bit() -> None:
    states = []
    for weight in (None, 0.0, 0.5):
        env = make_probe("corridor", n_envs=4, seed=0)
        rewards = [] if weight is None else [IcmReward(IcmConfig(weight=weight, **SMALL), context(env))]
        model = learner(env, rewards)
        model.learn(2 * 64 * 4)
        states.append({k: v for k, v in model.policy_state().items() if "own" not in k})
    absent, zero, some = states
    assert same_bits(absent, zero)
    assert not all(torch.equal(absent[k], some[k]) for k in absent if k in some)


def test_the_bonus_reaches_the_policy_through_its_own_value_head() -> None:
    env = make_probe("corridor", n_envs=4, seed=0)
    reward = IcmReward(IcmConfig(weight=0.5, **SMALL), context(env))
    model = learner(env, [reward])
    assert model.streams.own == (reward,)
    assert model.streams.gammas == (0.99, 0.99)
    assert model.streams.episodic == (True, False)
    assert model.rollout.value.shape[-1] == 2
    before = {k: v.clone() for k, v in model.policy_state().items()}
    model.learn(64 * 4)
    heads = [k for k, v in model.policy_state().items() if "value" in k and not torch.equal(v, before[k])]
    assert heads, "value heads were trained"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_rnd_crosses_the_corridor(seed: int) -> None:
    """A random walk reaches the end in one of 216 episodes. PPO alone gets there too, later or by luck."""
    env = make_probe("corridor", n_envs=8, seed=seed)
    config = RndConfig(weight=0.5, feature_dim=16, learning_rate=1e-3, whiten=False, **SMALL)
    model = learner(env, [RndReward(config, context(env, seed))], seed)
    model.learn(20_000)
    assert model.ep_info_buffer is not None
    assert sum(e["r"] for e in model.ep_info_buffer) / len(model.ep_info_buffer) > 0.9
