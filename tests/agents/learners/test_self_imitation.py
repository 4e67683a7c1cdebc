"""Self-imitation: what is kept, what it does to the policy, and that it resumes to the bit."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rlsuite.agents.learners.config import PPOConfig, SelfImitationConfig
from rlsuite.agents.learners.ppo import PPO
from rlsuite.agents.learners.self_imitation import EpisodeMemory
from rlsuite.envs.mujoco.vector_env import MujocoVectorEnv
from rlsuite.testing import make_probe

SMALL: dict[str, Any] = {"n_steps": 16, "batch_size": 32, "n_epochs": 2}


def rollout(reward: list[list[float]], ended: list[list[int]], begins: list[list[int]] | None = None) -> Any:
    """(steps, environments) of rewards and ends; an observation is 10 times its step plus its environment."""
    r, e = torch.tensor(reward, dtype=torch.float32), torch.tensor(ended, dtype=torch.bool)
    n, k = r.shape
    obs = torch.arange(n + 1)[:, None, None] * 10.0 + torch.arange(k)[None, :, None]
    first = torch.zeros(1, k, dtype=torch.bool) if begins is None else torch.tensor(begins[:1], dtype=torch.bool)
    start = torch.cat([first, e])
    return SimpleNamespace(obs=obs, action=obs[:-1] + 0.5, reward=r, ended=e, episode_start=start)


def test_what_is_kept_is_the_end_of_episodes_that_earned_something():
    memory = EpisodeMemory(SelfImitationConfig(last_steps=3), n_envs=2, gamma=0.5)
    memory.add(rollout([[0, 0], [0, 0], [1, 0]], [[0, 0], [0, 1], [0, 0]]))  # the second one's first episode: nothing
    assert not memory.episodes
    memory.add(rollout([[0, 0], [4, 0], [0, 2]], [[0, 0], [1, 0], [0, 1]]))
    (obs, action, returns), (others, _, their_returns) = memory.episodes
    assert obs.flatten().tolist() == [20, 0, 10]  # the last of the first rollout, then two of the second
    assert action.flatten().tolist() == [20.5, 0.5, 10.5]
    assert returns.tolist() == [1 + 0.5 * 0 + 0.25 * 4, 0.5 * 4, 4]
    assert others.flatten().tolist() == [1, 11, 21]
    assert their_returns.tolist() == [0.5, 1, 2]
    drawn = memory.draw(64, torch.Generator().manual_seed(0))
    assert set(drawn[0].flatten().tolist()) == {20, 0, 10, 1, 11, 21}


def test_a_restarted_environment_does_not_finish_an_old_episode():
    memory = EpisodeMemory(SelfImitationConfig(), n_envs=1, gamma=1.0)
    memory.add(rollout([[5], [0]], [[0], [0]]))
    memory.add(rollout([[0], [0]], [[0], [1]], begins=[[1]]))
    assert not memory.episodes


def test_the_newest_are_kept():
    memory = EpisodeMemory(SelfImitationConfig(episodes=2, above=1.0), n_envs=1, gamma=1.0)
    memory.add(rollout([[2], [3], [1], [4]], [[1], [1], [1], [1]]))
    assert [returns.tolist() for *_, returns in memory.episodes] == [[3], [4]]


def make(**settings: Any) -> PPO:
    env = MujocoVectorEnv("InvertedPendulum-v5", 3, seed=0, n_threads=1, max_episode_steps=9)
    return PPO("MlpPolicy", env, seed=0, device="cpu", **SMALL, **settings)


def test_what_was_done_becomes_likelier():
    one = make(self_imitation={"n_updates": 1, "batch_size": 64, "value_weight": 0.0}, learning_rate=3e-3)
    assert one.imitation is not None
    one.learn(16 * 3)
    obs, action, _ = one.imitation.memory.draw(256, torch.Generator().manual_seed(1))

    def likelihood() -> float:
        params, _ = one.policy.heads(one.policy.inputs(obs))
        return float(one.policy.head.log_prob_entropy(params, one.policy.std_param, action)[0].mean().detach())

    before = likelihood()
    for _ in range(40):
        one.imitation._step()
    assert likelihood() > before + 0.03


def test_it_resumes_to_the_bit():
    settings = {"self_imitation": {"n_updates": 2, "batch_size": 16}}
    whole = make(**settings)
    whole.learn(16 * 3 * 4)
    half = make(**settings)
    half.learn(16 * 3 * 2)
    state, world = half.training_state(), half.env.state_dict()
    again = make(**settings)
    again.env.set_groups(again.n_groups)
    again.env.load_state_dict(world)
    again.load_training_state(state)
    again.learn(16 * 3 * 4, reset_num_timesteps=False)
    assert len(whole.imitation.memory.episodes) > 2
    assert torch.equal(whole.flat.param, again.flat.param)


def test_without_it_nothing_changes_until_something_was_found():
    plain, nothing = make(), make(self_imitation={"above": 1e9})
    for one in (plain, nothing):
        one.learn(16 * 3 * 2)
    assert torch.equal(plain.flat.param, nothing.flat.param)


def test_memory_is_refused():
    with pytest.raises(ValueError, match="memory: none"):
        PPOConfig(self_imitation={}, network={"memory": "lstm"})


def test_a_discrete_probe_is_solved_with_it():
    probe = make_probe("obs-action", n_envs=8, seed=0)
    one = PPO(
        "MlpPolicy", probe, seed=0, device="cpu", **SMALL, gamma=0.9, self_imitation={"n_updates": 2, "batch_size": 32}
    )
    one.learn(4_000)
    assert one.imitation is not None
    assert len(one.imitation.memory) > 0
