"""Gradients and updates: by hand against autograd, and against stable-baselines3's own PPO."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from rlsuite.agents.learners.acting import make_actor
from rlsuite.agents.learners.encoders import NormalizedVector, channels_last, unit_pictures
from rlsuite.agents.learners.flat import FlatParameters, make_adam
from rlsuite.agents.learners.fused import FusedUpdate, is_plain
from rlsuite.agents.learners.losses import LossSettings, Minibatch
from rlsuite.agents.learners.policy import ActorCritic
from rlsuite.agents.learners.ppo import PPO
from rlsuite.agents.learners.rollout import Rollout
from rlsuite.agents.learners.update import PolicyUpdate
from rlsuite.testing import make_probe

OBS = spaces.Box(-np.inf, np.inf, (5,), np.float32)
ACT = spaces.Box(-1, 1, (3,), np.float32)


def random_minibatch(n: int, heads: int) -> Minibatch:
    g = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=g)

    return Minibatch(normal(n, 5), normal(n, 3), -3 + normal(n), normal(n), 2 * normal(n, heads), normal(n, heads))


@pytest.mark.parametrize("own", [0, 2])
@pytest.mark.parametrize("hidden", [[], [7], [6, 4]])
@pytest.mark.parametrize("activation", [torch.nn.Tanh, torch.nn.ReLU])
@pytest.mark.parametrize("clip_vf", [None, 0.5])
def test_the_gradient_by_hand_is_autograds(own: int, hidden: list, activation: type, clip_vf: float | None) -> None:
    torch.manual_seed(0)
    policy = ActorCritic(OBS, ACT, lambda _: 1e-3, net_arch=hidden, activation_fn=activation, n_own_values=own)
    with torch.no_grad():
        policy.log_std.copy_(torch.tensor([-0.5, 0.1, 0.3]))
    flat = FlatParameters(policy.parameters())
    settings = LossSettings(0.2, clip_vf, ent_coef=0.01, vf_coef=0.7, normalize_advantage=True)
    batch = random_minibatch(33, 1 + own)
    arguments = (policy, flat, make_adam(flat, 1e-3, 1e-5), 0.5)
    assert is_plain(policy)
    want_metrics = PolicyUpdate(*arguments).gradient(batch, settings)
    want = flat.grad.clone()
    flat.grad.fill_(torch.nan)  # whatever is not written shows
    metrics = FusedUpdate(*arguments).gradient(batch, settings)
    torch.testing.assert_close(flat.grad, want, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(metrics, want_metrics, atol=1e-6, rtol=1e-5)
    assert float(metrics[4]) > 0.2  # clipping happened, so it was compared


def test_flat_views_keep_values_and_channels_last() -> None:
    conv = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    line = torch.nn.Linear(2, 3)
    before = [p.detach().clone() for p in (*conv.parameters(), *line.parameters())]
    flat = FlatParameters([*conv.parameters(), *line.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(before, (*conv.parameters(), *line.parameters()), strict=True))
    assert conv.weight.is_contiguous(memory_format=torch.channels_last)
    conv(torch.randn(1, 3, 5, 5)).square().sum().backward()
    want = torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in conv.parameters()]))  # type: ignore[union-attr]
    torch.testing.assert_close(flat.clip_grad_norm(0.1), want)
    torch.testing.assert_close(flat.grad.norm(), torch.tensor(0.1), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("prepared", [False, True])
def test_the_fast_step_is_adams(prepared: bool) -> None:
    a, b = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    b.load_state_dict(a.state_dict())
    flat = FlatParameters(a.parameters())
    ours, peer = make_adam(flat, 1e-2, 1e-5), torch.optim.Adam(b.parameters(), lr=1e-2, eps=1e-5)
    if prepared:
        ours.prepare()
    for i in range(4):
        ours.set_learning_rate(1e-2 / (i + 1))
        peer.param_groups[0]["lr"] = 1e-2 / (i + 1)
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            p.grad.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(i)))  # type: ignore[union-attr]
            q.grad = p.grad.clone()  # type: ignore[union-attr]
        ours.fast_step()
        peer.step()
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(p, q)


class Recorded(VecEnv):
    """Spaces only: the update needs no steps."""

    def __init__(self, env: Any) -> None:
        super().__init__(env.num_envs, env.observation_space, env.action_space)

    def reset(self) -> Any: ...
    def step_async(self, actions: Any) -> None: ...
    def step_wait(self) -> Any: ...
    def close(self) -> None: ...
    def get_attr(self, attr_name: str, indices: Any = None) -> list:
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None: ...
    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list:
        return []

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list:
        return [False] * self.num_envs


def same_order(n_steps: int, n_envs: int, seed: int) -> Iterator[np.ndarray]:
    """Permutations of stable-baselines3's env-major rows."""
    rng = np.random.RandomState(seed)
    while True:
        yield rng.permutation(n_steps * n_envs)


@pytest.mark.parametrize("probe", ["obs-action-box", "obs-action"])
def test_one_update_is_stable_baselines3s(probe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"n_steps": 16, "batch_size": 32, "n_epochs": 3, "learning_rate": 1e-2, "ent_coef": 0.01}
    ours = PPO("MlpPolicy", make_probe(probe, 4, seed=0), seed=0, device="cpu", normalize_obs=False, **settings)
    peer = sb3.PPO("MlpPolicy", Recorded(ours.env), device="cpu", seed=0, **settings)  # type: ignore[arg-type]
    peer.policy.load_state_dict(ours.policy.state_dict())
    ours._setup_learn(64, None)[1].on_training_start({}, {})
    ours.collect_rollouts(ours.env, ours._init_callback(None))
    rollout = ours.rollout
    buffer = peer.rollout_buffer
    buffer.reset()
    for t in range(16):
        values, log_prob, _ = peer.policy.evaluate_actions(rollout.obs[t].float(), rollout.action[t])
        reward = rollout.reward[t].numpy().copy()
        cut = (rollout.truncated[t] & ~rollout.terminated[t]).numpy()
        with torch.no_grad():
            reward += peer.gamma * cut * peer.policy.predict_values(rollout.next_obs[t].float()).numpy()[:, 0]
        action = rollout.action[t].numpy().reshape(4, -1)
        buffer.add(
            rollout.obs[t].numpy(), action, reward, rollout.episode_start[t].numpy(), values.detach(), log_prob.detach()
        )
    with torch.no_grad():
        last = peer.policy.predict_values(rollout.obs[-1].float())
    buffer.compute_returns_and_advantage(last, rollout.ended[-1].numpy())
    theirs, mine = same_order(16, 4, 7), same_order(16, 4, 7)
    monkeypatch.setattr(np.random, "permutation", lambda n: next(theirs))
    # env-major row e*16+t is our time-major row t*4+e
    monkeypatch.setattr(ours, "_permutation", lambda n: torch.as_tensor([(i % 16) * 4 + i // 16 for i in next(mine)]))
    from stable_baselines3.common.logger import Logger

    for learner in (ours, peer):
        learner.set_logger(Logger(None, []))
    ours.train()
    peer.train()
    for (name, a), b in zip(ours.policy.state_dict().items(), peer.policy.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-4, msg=name)
    # train/approx_kl differs on purpose: theirs is the mean of the last pass, ours of the whole update
    for key in ("train/value_loss", "train/clip_fraction", "train/entropy_loss", "train/explained_variance"):
        np.testing.assert_allclose(ours.logger.name_to_value[key], peer.logger.name_to_value[key], atol=1e-4, rtol=1e-3)


def test_early_stopping_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"n_steps": 16, "batch_size": 32, "n_epochs": 50, "learning_rate": 1e-2}
    learner = PPO("MlpPolicy", make_probe("obs-action", 4, seed=0), seed=0, target_kl=1e-4, device="cpu", **settings)
    learner.learn(64, log_interval=None)
    assert learner._n_updates < 50


def test_pictures_are_prepared_as_by_division_and_the_callers_stay() -> None:
    raw = torch.randint(0, 256, (3, 4, 5, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    wanted = raw.float() / 255.0
    prepared = unit_pictures(raw.float(), fresh=True)
    assert torch.equal(prepared, wanted)
    assert prepared.is_contiguous(memory_format=torch.channels_last)
    for held in (raw.float(), channels_last(raw.float())):
        before = held.clone()
        assert torch.equal(unit_pictures(held, fresh=False), wanted)
        assert torch.equal(held, before)


def test_normalizer_is_exact_over_batches() -> None:
    x = torch.randn(100, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2
    normalizer = NormalizedVector(OBS)
    for part in x.split([10, 1, 89]):
        normalizer.update(part)
    torch.testing.assert_close(normalizer.mean, x.double().mean(0))
    torch.testing.assert_close(normalizer.var, x.double().var(0, correction=0))
    out = normalizer(x)
    torch.testing.assert_close(out.mean(0), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.std(0, correction=0), torch.ones(5), atol=1e-5, rtol=0)


@pytest.mark.parametrize("activation", [torch.nn.Tanh, torch.nn.ReLU])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_acting_in_numpy_is_acting_in_torch(activation: type, dtype: type) -> None:
    torch.manual_seed(0)
    space = spaces.Box(-np.inf, np.inf, (5,), dtype)
    policy = ActorCritic(space, ACT, lambda _: 1e-3, net_arch=[6, 4], activation_fn=activation)
    rollout = Rollout(2, 8, space, ACT, n_params=3, n_heads=1, info_keys=(), device=torch.device("cpu"))
    rollout.obs.normal_()
    rollout.noise.normal_()
    actor, std = make_actor(policy), torch.tensor([0.5, 1.0, 2.0])
    row, given = rollout.rows(slice(2, 6))[1], []
    for view in (row, replace(row, arrays=None)):
        for tensor in (row.params, row.action, row.env_action):
            tensor.fill_(torch.nan)
        actor(view)
        policy.head.sample_row(view, std)
        given.append([x.clone() for x in (row.params, row.action, row.env_action)])
    assert row.arrays is not None
    for one, two in zip(*given, strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(given[0][0], policy.head_params(row.obs.float()).detach(), atol=1e-6, rtol=1e-5)
    assert (given[0][1].abs() > 1).any()  # clipping was compared too
    assert (given[0][2].abs() <= 1).all()
