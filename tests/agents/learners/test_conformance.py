"""The learner contract and the probe environments."""

from typing import Any

import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import make_proba_distribution

from rlsuite.agents.learners.actions import make_action_head
from rlsuite.agents.learners.config import PPOConfig, SACConfig
from rlsuite.agents.learners.episodes import EpisodeStatistics
from rlsuite.agents.learners.ppo import PPO
from rlsuite.agents.learners.replay import Replay
from rlsuite.agents.learners.sac import SAC
from rlsuite.envs.vector import Step
from rlsuite.errors import ConfigError, UserError
from rlsuite.testing import ConstantReward, check_learner, make_probe, solve_probe, value_error

SMALL_SAC = {"policy_average": 64, "learning_starts": 32, "batch_size": 16, "gradient_steps": 1, "buffer_size": 96,
             "reward_update_every": 32, "reward_updates": 2, "network": {"hidden": [8]}}  # fmt: skip


def ppo(env: Any, *, rewards: Any = (), seed: int = 0, total_steps: int = 0, **more: Any) -> PPO:
    settings = {"n_steps": 16, "batch_size": 32, "n_epochs": 2} | more
    return PPO("MlpPolicy", env, rewards=rewards, seed=seed, device="cpu", **settings)


@pytest.mark.parametrize("probe", ["obs-action", "obs-action-box"])
def test_ppo_keeps_the_contract(probe: str) -> None:
    check_learner(ppo, probe=probe, n_steps=128)


def test_ppo_with_every_scale_resumes_to_the_bit() -> None:
    def make(env: Any, **kwargs: Any) -> PPO:
        return ppo(env, normalize_reward=True, advantage_norm="running", lr_schedule="linear", **kwargs)

    check_learner(make, n_steps=128, zero_weight=())


def test_sac_keeps_the_contract() -> None:
    def make(env: Any, *, rewards: Any, seed: int, total_steps: int) -> SAC:
        return SAC("MlpPolicy", env, rewards=rewards, seed=seed, device="cpu", normalize_obs=True, **SMALL_SAC)

    check_learner(make, probe="obs-action-box", n_steps=128, zero_weight=("shared",))


@pytest.mark.parametrize(("probe", "steps"), [("truncation", 8000), ("termination", 4000), ("obs-action", 4000)])
def test_ppo_solves(probe: str, steps: int) -> None:
    env = make_probe(probe, 8, seed=0)
    learner = ppo(env, n_steps=32, batch_size=64, n_epochs=5, learning_rate=3e-3, gamma=0.9)
    assert solve_probe(learner, env, steps) >= 0.95 * env.optimal_return
    assert value_error(learner.policy.predict_values, env, 0.9) < 0.25


@pytest.mark.slow
def test_ppo_solves_pixels() -> None:
    env = make_probe("image", 8, seed=0)
    learner = PPO("CnnPolicy", env, seed=0, device="cpu", n_steps=32, batch_size=64, learning_rate=3e-3, n_epochs=5,
                  network={"encoder": "small"})  # fmt: skip
    assert solve_probe(learner, env, 8000) == 1.0


@pytest.mark.slow
def test_sac_solves() -> None:
    env = make_probe("obs-action-box", 4, seed=0)
    learner = SAC("MlpPolicy", env, seed=0, device="cpu", learning_starts=128, batch_size=64, gradient_steps=2,
                  learning_rate=3e-3, network={"hidden": [32, 32]}, gamma=0.9)  # fmt: skip
    assert solve_probe(learner, env, 3000) > 0.95


@pytest.mark.parametrize(
    "space",
    [spaces.Box(-2, 1, (3,)), spaces.Discrete(4), spaces.MultiDiscrete([3, 2]), spaces.MultiBinary(3)],
    ids=lambda s: type(s).__name__,
)
def test_action_heads_are_stable_baselines3s_distributions(space: spaces.Space) -> None:
    head = make_action_head(space)
    generator = torch.Generator().manual_seed(0)
    noise = head.noise((20_000,), generator)
    params = torch.randn(noise.shape[-1], generator=generator).expand_as(noise)
    log_std = torch.tensor([-0.5, 0.2, 0.4]) if isinstance(space, spaces.Box) else None
    action = head.sample(params, noise, None if log_std is None else log_std.exp())
    assert all(space.contains(a.numpy()) for a in head.to_env(action)[:50])
    peer = make_proba_distribution(space)  # type: ignore[arg-type]
    peer.proba_distribution(params, log_std) if log_std is not None else peer.proba_distribution(params)
    log_prob, entropy = head.log_prob_entropy(params, log_std, action)
    peer_action = action.float() if isinstance(space, spaces.MultiBinary) else action
    torch.testing.assert_close(log_prob, peer.log_prob(peer_action), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(entropy.expand(20_000), peer.entropy(), atol=1e-5, rtol=1e-5)
    # sampled from that distribution: the mean of -log p is the entropy
    torch.testing.assert_close(-log_prob.mean(), entropy.mean(), atol=0.03, rtol=0.02)


def test_episodes_are_cut_where_they_end() -> None:
    statistics = EpisodeStatistics(2)
    reward = torch.tensor([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    ended = torch.tensor([[False, True], [True, False], [False, False]])
    first = statistics.add(reward, ended, success=ended.float())
    assert [(e.reward, e.length, e.success) for e in first] == [(10.0, 1, 1.0), (3.0, 2, 1.0)]
    second = statistics.add(torch.ones(1, 2), torch.tensor([[True, True]]))
    assert [(e.reward, e.length) for e in second] == [(5.0, 2), (61.0, 3)]


def test_replay_is_a_ring_and_its_window_holds_the_newest() -> None:
    replay = Replay(6, 2, spaces.Box(-1, 1, (1,)), spaces.Box(-1, 1, (1,)), torch.device("cpu"))
    false = torch.zeros(2, dtype=torch.bool)
    for t in range(5):
        obs = torch.full((2, 1), float(t))
        step = Step(obs + 1, torch.full((2,), float(t)), false, false, obs + 1, {})
        replay.add(obs, obs, false, step)
    generator = torch.Generator().manual_seed(0)
    assert set(replay.sample(200, generator).reward.tolist()) == {2.0, 3.0, 4.0}
    assert set(replay.sample(200, generator, window=2).reward.tolist()) == {4.0}
    batch = replay.sample(50, generator)
    assert torch.equal(batch.next_obs, batch.obs + 1)


def test_what_a_learner_cannot_do_is_said() -> None:
    with pytest.raises(UserError, match="ppo"):
        SAC("MlpPolicy", make_probe("obs-action", 2, seed=0))
    with pytest.raises(ConfigError, match="value_head"):
        SAC("MlpPolicy", make_probe("obs-action-box", 2, seed=0), rewards=[ConstantReward(value_head="own")])
    with pytest.raises(UserError, match="differ"):
        ppo(make_probe("obs-action", 2, seed=0), rewards=[ConstantReward(), ConstantReward()])
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="cuda"):
            PPO("MlpPolicy", make_probe("obs-action", 2, seed=0), device="cuda")


def test_a_foreign_environment_is_adapted() -> None:
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy

    env = make_vec_env("CartPole-v1", n_envs=2, seed=0)
    learner = ppo(env)
    learner.learn(128, log_interval=None)
    assert learner.num_timesteps == 128
    assert len(learner.ep_info_buffer) > 0  # type: ignore[arg-type]
    mean, _ = evaluate_policy(learner, env, n_eval_episodes=2)
    assert mean >= 8


def test_defaults_are_valid_and_documented() -> None:
    for section in (PPOConfig, SACConfig):
        section()
        fields = section.model_fields
        assert all(f.description for name, f in fields.items() if name != "kind")
