"""SAC's formulas by hand, and one gradient step against stable-baselines3's own."""

import math

import pytest
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from rlsuite.agents.learners.sac import SAC
from rlsuite.agents.learners.sac_losses import actor_loss, critic_loss, soft_target
from rlsuite.testing import ConstantReward, make_probe

SETTINGS = {"learning_starts": 16, "batch_size": 8, "buffer_size": 64, "device": "cpu", "seed": 0}
NET = {"hidden": [16, 16]}


def test_losses_by_hand() -> None:
    reward, terminated = torch.tensor([1.0, 1.0]), torch.tensor([False, True])
    q = torch.tensor([[3.0, 2.0], [5.0, 6.0]])
    log_prob, alpha = torch.tensor([0.5, 0.5]), torch.tensor(0.2)
    target = soft_target(reward, terminated, q, log_prob, alpha, 0.9)
    torch.testing.assert_close(target, torch.tensor([1 + 0.9 * (2 - 0.1), 1.0]))
    absorbed = soft_target(reward, terminated, q, log_prob, alpha, 0.9, absorbing_value=10.0)
    torch.testing.assert_close(absorbed[1], torch.tensor(10.0))
    loss = critic_loss(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(loss, torch.tensor(0.5 * ((1 + 4) / 2 + (4 + 16) / 2)))
    torch.testing.assert_close(actor_loss(q, log_prob, alpha), torch.tensor(((0.1 - 2) + (0.1 - 5)) / 2))


def test_gradient_steps_are_stable_baselines3s(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = SAC("MlpPolicy", make_probe("obs-action-box", 4, seed=0), network=NET, ent_coef_init=0.3, **SETTINGS)
    ours.learn(16, log_interval=None)  # random actions only, no gradient step yet
    peer = sb3.SAC("MlpPolicy", ours.env, policy_kwargs={"net_arch": [16, 16]}, ent_coef="auto_0.3", **SETTINGS)
    peer.policy.load_state_dict(ours.policy.state_dict())
    for learner in (ours, peer):
        learner.set_logger(Logger(None, []))
    assert ours._n_updates == 4  # the step at learning_starts
    n = 3
    noise = torch.randn(n, 2, 8, 1, generator=torch.Generator().manual_seed(3))
    index = torch.arange(n * 8) % 16
    batch = ours.replay.rows(index)
    monkeypatch.setattr(ours.replay, "sample", lambda *_: batch)
    monkeypatch.setattr(ours, "_noise", lambda *_: noise)
    # theirs begins where ours stands: fresh Adam states on both sides
    for adam in (ours._actor_adam, ours._critic_adam, ours.ent_coef_optimizer):
        adam.state.clear()
    peer.log_ent_coef.data.copy_(ours.log_ent_coef.detach())
    rows = iter(torch.arange(n * 8).split(8))

    def sample(*_: object, **__: object) -> ReplayBufferSamples:
        i = next(rows)
        done = batch.terminated[i].float()[:, None]
        return ReplayBufferSamples(batch.obs[i], batch.action[i], batch.next_obs[i], done, batch.reward[i][:, None])

    monkeypatch.setattr(peer.replay_buffer, "sample", sample)
    draws = iter(noise.flatten(0, 1))
    monkeypatch.setattr("torch.distributions.normal._standard_normal", lambda *_, **__: next(draws))
    ours.train(n, 8)
    peer.train(n, 8)
    for (name, a), b in zip(ours.policy.state_dict().items(), peer.policy.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-4, msg=name)
    torch.testing.assert_close(ours.log_ent_coef.detach(), peer.log_ent_coef.detach())
    assert not math.isclose(float(ours.log_ent_coef.detach()), math.log(0.3), abs_tol=1e-5)


def test_rewards_are_computed_at_sample_time_and_never_stored() -> None:
    reward = ConstantReward(5.0, weight=2.0)
    learner = SAC("MlpPolicy", make_probe("obs-action-box", 4, seed=0), network=NET, rewards=[reward],
                  extrinsic_coef=0.0, reward_update_every=8, reward_updates=3, **SETTINGS)  # fmt: skip
    learner.learn(32, log_interval=None)
    batch = learner.replay.rows(torch.arange(8))
    assert learner._total_reward(batch).tolist() == [10.0] * 8
    reward.value = 1.0
    assert learner._total_reward(batch).tolist() == [2.0] * 8
    assert reward.n_updates > 0
    assert reward.n_updates % 3 == 0
