"""SAC's formulas by hand, and one gradient step against stable-baselines3's own."""

import math
from pathlib import Path

import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from rlsuite.agents.learners.relabel import total_reward
from rlsuite.agents.learners.sac import SAC
from rlsuite.agents.learners.sac_autograd import autograd_step
from rlsuite.agents.learners.sac_losses import StepBatch, actor_loss, critic_loss, soft_target
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
    for adam in (ours._actor_adam, ours._critic_adam):
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
    assert total_reward(learner.rewards, batch, 0.0).tolist() == [10.0] * 8
    reward.value = 1.0
    assert total_reward(learner.rewards, batch, 0.0).tolist() == [2.0] * 8
    assert reward.n_updates > 0
    assert reward.n_updates % 3 == 0


def step_batch(steps: int, n: int, absorbing: float, moves_actor: bool, bc_coef: float) -> StepBatch:
    g = torch.Generator().manual_seed(7)

    def randn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=g)

    action, terminated = torch.tanh(randn(steps, n, 1)), randn(steps, n) > 1
    demos = {"demo_obs": randn(5, 1), "demo_action": torch.tanh(randn(5, 1)), "bc_coef": bc_coef} if bc_coef else {}
    return StepBatch(randn(steps, n, 1), action, randn(steps, n), terminated, randn(steps, n, 1),
                     randn(n, 1), randn(steps, n, 1), absorbing, moves_actor, **demos)  # fmt: skip


@pytest.mark.parametrize(
    ("network", "settings", "steps", "moves", "bc_coef"),
    [
        (NET, {}, 1, True, 0.0),
        (NET, {}, 2, True, 0.7),
        ({"hidden": [16, 8], "activation": "tanh", "n_critics": 3}, {"ent_coef_init": 0.2}, 3, True, 2.0),
        ({"hidden": [16], "n_critics": 1}, {"ent_coef": 0.3}, 2, True, 0.0),
        (NET, {}, 2, False, 0.7),
        (NET | {"critic_layer_norm": True}, {}, 2, True, 0.7),
        ({"hidden": [16, 8], "activation": "tanh", "critic_layer_norm": True}, {}, 1, True, 0.0),
    ],
)
def test_the_gradient_by_hand_is_autograds(
    network: dict, settings: dict, steps: int, moves: bool, bc_coef: float
) -> None:
    probe = [make_probe("obs-action-box", 4, seed=0) for _ in range(2)]
    fused, plain = (SAC("MlpPolicy", env, network=network, **settings, **SETTINGS) for env in probe)
    start = fused.actor.mu.weight.detach().clone()
    assert fused._fused is not None
    for _ in range(4):
        batch = step_batch(steps, 8, 2.0, moves, bc_coef)
        torch.testing.assert_close(fused._fused(batch), autograd_step(plain, batch) * METRICS_OF[moves])
    for (name, a), b in zip(fused.policy.state_dict().items(), plain.policy.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-6, rtol=1e-4, msg=name)
    torch.testing.assert_close(fused.log_ent_coef, plain.log_ent_coef)
    assert torch.equal(start, fused.actor.mu.weight.detach()) != moves


METRICS_OF = {True: torch.ones(6), False: torch.tensor([1.0, 0, 1, 0, 1, 1])}
"""Where the actor stands still, its losses are reported as 0 by one and computed by the other."""


def test_an_elu_network_goes_by_autograd_and_learns_the_same_things() -> None:
    learner = SAC("MlpPolicy", make_probe("obs-action-box", 4, seed=0), network=NET | {"activation": "elu"}, **SETTINGS)
    assert learner._fused is None
    before = learner.flat_actor.param.detach().clone()
    learner.learn(32, log_interval=None)
    assert not torch.equal(before, learner.flat_actor.param.detach())


def test_the_actor_moves_once_in_so_many_critic_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = SAC("MlpPolicy", make_probe("obs-action-box", 4, seed=0), network=NET, policy_delay=2, **SETTINGS)
    learner.learn(16, log_interval=None)
    n = {"actor": 0, "critic": 0}
    for name, adam in (("actor", learner._actor_adam), ("critic", learner._critic_adam)):
        step = adam.fast_step
        monkeypatch.setattr(adam, "fast_step", lambda name=name, step=step: (n.update({name: n[name] + 1}), step()))
    learner.train(5, 8)
    assert n == {"actor": 3, "critic": 5}


def test_the_actor_waits_until_policy_starts() -> None:
    learner = SAC("MlpPolicy", make_probe("obs-action-box", 4, seed=0), network=NET, policy_starts=32, **SETTINGS)
    actor, critic = (x.param.detach().clone() for x in (learner.flat_actor, learner.flat_critic))
    learner.learn(28, log_interval=None)
    assert torch.equal(actor, learner.flat_actor.param.detach())
    assert not torch.equal(critic, learner.flat_critic.param.detach())
    learner.learn(40, log_interval=None, reset_num_timesteps=False)
    assert not torch.equal(actor, learner.flat_actor.param.detach())


def test_a_share_of_the_environments_acts_by_the_mean_action() -> None:
    env = make_probe("obs-action-box", 4, seed=0)
    learner = SAC("MlpPolicy", env, seed=0, device="cpu", learning_starts=16, batch_size=16, deterministic_share=0.5)
    learner.learn(64, log_interval=None)
    mean, _ = learner.predict(learner._obs.numpy(), deterministic=True)
    close = torch.isclose(learner._explore(), torch.as_tensor(mean), atol=1e-6).all(1)
    assert close.tolist() == [True, True, False, False]


def test_the_policy_that_is_judged_is_the_actors_average(tmp_path: Path) -> None:
    env = make_probe("obs-action-box", 4, seed=0)
    learner = SAC("MlpPolicy", env, seed=0, device="cpu", learning_starts=16, batch_size=16, policy_average=40)
    obs = np.linspace(-1, 1, 6, dtype=np.float32).reshape(6, *env.observation_space.shape)
    history: list[torch.Tensor] = []
    move = learner.average.move

    def moved(env_steps: int) -> None:
        move(env_steps)
        history.append(learner.flat_actor.param.detach().clone())

    learner.average.move = moved  # type: ignore[method-assign]
    learner.learn(200, log_interval=None)
    expected = history[0]
    for newest in history[1:]:
        expected = expected + (newest - expected) * 0.1  # 4 env steps of 40
    newest = learner.flat_actor.param.detach().clone()
    with learner.average.applied():
        assert torch.allclose(learner.flat_actor.param, expected, atol=1e-6)
        averaged, _ = sb3.SAC.predict(learner, obs, deterministic=True)
    assert torch.equal(learner.flat_actor.param, newest), "training goes on with the newest parameters"
    raw, _ = learner.policy.predict(obs, deterministic=True)
    shown, _ = learner.predict(obs, deterministic=True)
    assert np.array_equal(shown, averaged)
    assert not np.allclose(shown, raw, atol=1e-5)

    other = SAC("MlpPolicy", make_probe("obs-action-box", 4, seed=0), seed=1, device="cpu", policy_average=40)
    other.load_policy_state(learner.policy_state())
    assert np.array_equal(other.predict(obs, deterministic=True)[0], averaged)
    learner.export(tmp_path / "policy.zip")
    stock = sb3.SAC.load(tmp_path / "policy.zip", device="cpu")
    assert np.allclose(stock.predict(obs, deterministic=True)[0], averaged, atol=1e-6)
