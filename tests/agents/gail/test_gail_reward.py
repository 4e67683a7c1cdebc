"""The GAIL reward as a learned reward: what it reads, learns, draws and saves."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium import spaces

from rlsuite import registry
from rlsuite.agents.contracts import AbsorbingReward, Batch, LearnedReward, RewardContext
from rlsuite.agents.gail import agent as agent_module
from rlsuite.agents.gail.config import GailConfig
from rlsuite.demos.data import Demonstrations
from rlsuite.errors import UserError
from rlsuite.runs.metrics import METRICS

OBS, ACT = spaces.Box(-np.inf, np.inf, (4,), np.float32), spaces.Box(-1, 1, (2,), np.float32)


def make_demos(n=60, shift=1.0, n_terminated=0, action=None, subsample=1):
    g = torch.Generator().manual_seed(1)
    obs = torch.randn(n, 4, generator=g) * torch.tensor([1.0, 5.0, 0.0, 0.1]) + shift
    return Demonstrations(
        id="test",
        obs=obs,
        action=torch.rand(n, 2, generator=g) * 2 - 1 if action is None else action,
        next_obs=obs + 0.1,
        terminated=torch.zeros(n, dtype=torch.bool),
        truncated=torch.zeros(n, dtype=torch.bool),
        episode=torch.zeros(n, dtype=torch.int64),
        n_trajectories=1,
        subsample=subsample,
        n_terminated=n_terminated,
        returns=(1.0,),
    )


def make_batch(steps=16, envs=4, seed=0, terminated=False, n_actions=0):
    g = torch.Generator().manual_seed(seed)
    lead = (steps, envs)
    end = torch.zeros(lead, dtype=torch.bool)
    end[-1] = terminated
    action = torch.rand(*lead, 2, generator=g) * 2 - 1
    if n_actions:
        action = torch.randint(0, n_actions, lead, generator=g)
    return Batch(
        obs=torch.randn(*lead, 4, generator=g),
        action=action,
        reward=torch.randn(lead, generator=g),
        terminated=end,
        truncated=torch.zeros(lead, dtype=torch.bool),
        next_obs=torch.randn(*lead, 4, generator=g),
        episode_start=torch.zeros(lead, dtype=torch.bool),
        info={},
    )


def make(demos=None, seed=0, action_space=ACT, **config):
    context = RewardContext(OBS, action_space, 4, 0.99, torch.device("cpu"), seed, demos or make_demos())
    return registry.rewards.get("gail").resolve()(GailConfig(**({"batch_size": 64} | config)), context)


def test_it_is_a_learned_reward():
    reward = make()
    assert isinstance(reward, LearnedReward)
    assert isinstance(reward, AbsorbingReward)
    assert make(weight=0.5).weight == 0.5


@pytest.mark.parametrize(("steps", "envs"), [(16, 4), (1, 7)])
def test_reward_has_the_leading_shape(steps, envs):
    batch = make_batch(steps, envs)
    out = make().reward(batch)
    assert out.shape == (steps, envs)
    assert out.dtype == torch.float32
    assert not out.requires_grad
    flat = make().reward(batch.flatten())
    torch.testing.assert_close(flat, out.reshape(-1))


def test_inputs_are_normalised_by_the_demonstrations():
    demos = make_demos()
    rows = make(demos).encoder(demos.obs, demos.action, demos.next_obs)
    torch.testing.assert_close(rows.mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    std = rows.std(0, unbiased=False)
    torch.testing.assert_close(std[[0, 1, 3, 4, 5]], torch.ones(5), atol=1e-4, rtol=0)
    assert std[2] < 1e-4  # the constant entry stays 0 instead of being blown up


def test_constant_inputs_have_a_floor_and_all_have_a_clip():
    reward = make(std_floor=0.05, input_clip=3.0)
    assert reward.encoder.std[2] == pytest.approx(0.05 * make_demos_std().mean().item(), rel=1e-4)
    rows = reward.encoder(torch.full((1, 4), 1e6), torch.zeros(1, 2), torch.zeros(1, 4))
    assert rows.abs().max() == 3.0


def make_demos_std():
    demos = make_demos()
    return torch.cat([demos.obs, demos.action], 1).std(0, unbiased=False)


def test_statistics_do_not_follow_the_policy():
    reward = make()
    before = reward.encoder.mean.clone(), reward.encoder.std.clone()
    for seed in range(3):
        reward.update(make_batch(seed=seed))
    assert torch.equal(reward.encoder.mean, before[0])
    assert torch.equal(reward.encoder.std, before[1])


@pytest.mark.parametrize(
    ("inputs", "width"), [("obs", 4), ("obs_action", 6), ("obs_next_obs", 8), ("obs_action_next_obs", 10)]
)
def test_what_the_discriminator_sees(inputs, width):
    reward = make(inputs=inputs)
    assert reward.encoder.n_inputs == width
    batch = make_batch()
    other_action = replace(batch, action=-batch.action)
    other_next = replace(batch, next_obs=batch.next_obs + 1)
    assert torch.equal(reward.reward(batch), reward.reward(other_action)) == ("action" not in inputs)
    assert torch.equal(reward.reward(batch), reward.reward(other_next)) == ("next_obs" not in inputs)


def test_discrete_actions_are_one_hot():
    demos = make_demos(action=torch.arange(60) % 3)
    reward = make(demos, action_space=spaces.Discrete(3))
    assert reward.encoder.n_inputs == 7
    batch = make_batch(n_actions=3)
    assert torch.isfinite(reward.reward(batch)).all()
    reward.update(batch)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"spectral_norm": True, "hidden_sizes": (64,), "activation": "relu"},
        {"gradient_penalty": "expert", "gradient_penalty_target": 0.0},
        {"mixup": True},
        {"dropout": 0.3, "weight_decay": 0.1, "entropy_coef": 0.01},
        {"replay_size": 200},
        {"absorbing": True},
    ],
)
def test_it_learns_to_tell_expert_from_policy(config):
    demos, batch = make_demos(shift=2.0), make_batch()
    reward = make(demos, learning_rate=3e-3, n_updates=20, gradient_penalty_coef=0.1, **config)
    expert = replace(make_batch(15, 4), obs=demos.obs.view(15, 4, 4), action=demos.action.view(15, 4, 2))
    gap_before = (reward.reward(expert).mean() - reward.reward(batch).mean()).item()
    for seed in range(10):
        metrics = reward.update(make_batch(seed=seed))
    gap_after = (reward.reward(expert).mean() - reward.reward(batch).mean()).item()
    assert gap_after > gap_before + 0.5
    assert float(metrics["disc_acc_expert"]) > 0.8
    assert all(np.isfinite(float(v)) for v in metrics.values())
    declared = {m.key.removeprefix("gail/") for m in METRICS if m.key.startswith("gail/")}
    assert set(metrics) <= declared
    assert {"disc_loss", "disc_acc_expert", "disc_acc_policy", "disc_entropy", "reward_mean", "grad_penalty"} <= set(
        metrics
    )


@pytest.mark.parametrize("target", ["interpolated", "expert"])
def test_the_penalty_pulls_gradients_to_the_target(target):
    norms = []
    for coef in (0.0, 10.0):
        reward = make(make_demos(shift=2.0), learning_rate=3e-3, n_updates=50, gradient_penalty_coef=coef,
                      gradient_penalty=target, gradient_penalty_target=0.0)  # fmt: skip
        for seed in range(5):
            metrics = reward.update(make_batch(seed=seed))
        norms.append(float(metrics["grad_penalty"]))
    assert norms[1] < 0.3 * norms[0]


def test_environment_rewards_never_enter():
    results = []
    for order in (slice(None), torch.randperm(16)):
        reward = make()
        for seed in range(3):
            batch = make_batch(seed=seed)
            reward.update(replace(batch, reward=batch.reward[order]))
        results.append((reward.reward(make_batch(seed=9)), reward.state_dict()["discriminator"]))
    assert torch.equal(results[0][0], results[1][0])
    for key, value in results[0][1].items():
        assert torch.equal(value, results[1][1][key])


def test_absorbing_value_is_an_endless_stay():
    assert make().absorbing_value(0.99) == 0.0
    reward = make(make_demos(n_terminated=3), absorbing=True)
    row = reward.encoder.absorbing_row()
    assert row[0, -1] > 0
    assert row[0, :-1].abs().sum() == 0.0
    with torch.no_grad():
        stay = torch.nn.functional.softplus(reward.discriminator(row)).item()
    assert float(reward.absorbing_value(0.9)) == pytest.approx(stay * 10, rel=1e-5)


def test_absorbing_rows_are_weighed_by_the_subsampling():
    reward = make(make_demos(n_terminated=3, subsample=20), absorbing=True)
    assert len(reward.expert_rows) == 61
    assert reward.expert_probabilities[-1].item() == pytest.approx((3 / 20) / (60 + 3 / 20))
    assert make(make_demos(n_terminated=3), absorbing=False).expert_probabilities is None


def test_terminated_policy_steps_bring_absorbing_rows():
    reward = make(absorbing=True)
    rows = reward._policy_rows(make_batch(terminated=True).flatten())
    assert len(rows) == 16 * 4 + 4
    assert (rows[:, -1] > 0).sum() == 4


def test_an_absorbing_state_only_the_policy_reaches_is_worth_less():
    reward = make(make_demos(n_terminated=0), absorbing=True, learning_rate=3e-3, n_updates=50)
    before = float(reward.absorbing_value(0.99))
    for seed in range(5):
        reward.update(make_batch(seed=seed, terminated=True))
    assert float(reward.absorbing_value(0.99)) < 0.8 * before


def test_replay_keeps_the_newest_rows():
    reward = make(replay_size=100)
    for seed in range(3):
        reward.update(make_batch(seed=seed))
    assert reward.replay.size == 100
    newest = reward.encoder(*(getattr(make_batch(seed=2).flatten(), k) for k in ("obs", "action", "next_obs")))
    held = {tuple(r) for r in reward.replay.filled().tolist()}
    assert all(tuple(r) in held for r in newest.tolist())


@pytest.mark.parametrize("config", [{}, {"replay_size": 100}, {"dropout": 0.2, "spectral_norm": True}])
def test_saved_and_loaded_it_goes_on_bit_for_bit(config):
    straight, first = make(**config), make(**config)
    for seed in range(4):
        straight.update(make_batch(seed=seed))
    for seed in range(2):
        first.update(make_batch(seed=seed))
    resumed = make(seed=99, **config)
    resumed.load_state_dict(first.state_dict())
    for seed in range(2, 4):
        resumed.update(make_batch(seed=seed))
    batch = make_batch(seed=7)
    assert torch.equal(straight.reward(batch), resumed.reward(batch))
    assert torch.equal(straight.generator.get_state(), resumed.generator.get_state())


def test_state_survives_a_checkpoint_on_disk(tmp_path):
    from rlsuite.runs.checkpoint import load_checkpoint, save_checkpoint

    reward = make(replay_size=50)
    reward.update(make_batch())
    save_checkpoint(tmp_path / "step", {"gail": reward.state_dict()})
    other = make(seed=5, replay_size=50)
    other.load_state_dict(load_checkpoint(tmp_path / "step")["gail"])
    reward.update(make_batch(seed=1))
    other.update(make_batch(seed=1))
    assert torch.equal(reward.reward(make_batch()), other.reward(make_batch()))


def test_same_seed_same_bits_other_seed_others():
    a, b, c = make(seed=1), make(seed=1), make(seed=2)
    for r in (a, b, c):
        r.update(make_batch())
    batch = make_batch(seed=3)
    assert torch.equal(a.reward(batch), b.reward(batch))
    assert not torch.equal(a.reward(batch), c.reward(batch))


def test_global_random_streams_stay_untouched():
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    reward = make(dropout=0.2, mixup=True)
    reward.update(make_batch())
    reward.reward(make_batch())
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_saturation_warns_once(monkeypatch):
    monkeypatch.setattr(agent_module, "SATURATED_FOR_UPDATES", 3)
    reward = make(make_demos(shift=50.0), learning_rate=1e-2, n_updates=30, gradient_penalty_coef=0.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for seed in range(12):
            reward.update(make_batch(seed=seed))
    assert len([w for w in caught if "its reward says little" in str(w.message)]) == 1


def test_unsuitable_input_is_refused():
    with pytest.raises(UserError, match="needs demonstrations"):
        agent_module.make(GailConfig(), RewardContext(OBS, ACT, 4, 0.99, torch.device("cpu"), 0, None))
    context = RewardContext(spaces.Box(0, 255, (3, 8, 8), np.uint8), ACT, 4, 0.99, torch.device("cpu"), 0, make_demos())
    with pytest.raises(UserError, match="vectors"):
        agent_module.make(GailConfig(), context)
