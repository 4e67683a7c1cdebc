"""Behavioural cloning learns actions, keeps its best snapshot, saves and exports."""

import numpy as np
import pytest
import torch

from rlsuite import registry
from rlsuite.agents.bc.agent import BehaviouralCloning, clone
from rlsuite.agents.bc.config import BcConfig
from rlsuite.demos.data import Demonstrations
from rlsuite.envs.levels import make_vec
from rlsuite.errors import UserError


@pytest.fixture(scope="module")
def env():
    env = make_vec("mujoco/InvertedPendulum-v5", 2, seed=0)
    yield env
    env.close()


def make_demos(n=200, noise=0.0, seed=0):
    g = torch.Generator().manual_seed(seed)
    obs = torch.randn(n, 4, generator=g) * torch.tensor([0.1, 0.5, 1.0, 3.0])
    action = torch.tanh(obs @ torch.tensor([[2.0], [1.0], [0.5], [-0.3]])) * 2
    action = action + noise * torch.randn(n, 1, generator=g)
    flags = torch.zeros(n, dtype=torch.bool)
    return Demonstrations(
        id="test", obs=obs, action=action, next_obs=obs, terminated=flags, truncated=flags,
        episode=torch.zeros(n, dtype=torch.int64), n_trajectories=1, subsample=1, n_terminated=0, returns=(1.0,),
    )  # fmt: skip


def test_it_clones_a_function_of_the_observation(env):
    demos, other = make_demos(400), make_demos(100, seed=1)
    agent = clone(demos, env, config=BcConfig(n_steps=400, learning_rate=5e-3, validate_every=50))
    action, _ = agent.predict(other.obs.numpy(), deterministic=True)
    error = np.square(action - other.action.numpy()).mean()
    assert error < 0.05 * other.action.var().item()


def test_the_snapshot_of_least_validation_error_is_the_result(env):
    agent = BehaviouralCloning(
        BcConfig(n_steps=300, validate_every=25, learning_rate=5e-3), env, demos=make_demos(40, noise=1.0), seed=0
    )
    losses = []
    validate = agent._validate
    agent._validate = lambda: losses.append(validate()) or losses[-1]  # type: ignore[method-assign]
    agent.learn()
    assert min(losses) < losses[-1]  # forty noisy pairs are overfitted
    final = agent._error(agent.policy.head_params(agent.held_out_pairs[0]), agent.held_out_pairs[1])
    assert float(final) == pytest.approx(float(min(losses)))


def test_the_split_is_70_to_30_and_disjoint(env):
    agent = BehaviouralCloning(BcConfig(), env, demos=make_demos(200), seed=0)
    train, held_out = (set(map(tuple, pairs[1].tolist())) for pairs in (agent.train_pairs, agent.held_out_pairs))
    assert (len(train), len(held_out)) == (140, 60)
    assert not train & held_out


def test_patience_ends_training(env):
    agent = BehaviouralCloning(
        BcConfig(n_steps=5000, validate_every=20, patience=100), env, demos=make_demos(30, noise=2.0), seed=0
    )
    agent.learn()
    assert agent.num_timesteps < 5000
    assert agent.num_timesteps - agent.best_step == 100


def test_same_seed_same_bits_and_the_environment_stays_untouched(env):
    before = env.reset_all(3).clone()
    a, b, c = (clone(make_demos(), env, config=BcConfig(n_steps=50), seed=s) for s in (1, 1, 2))
    obs = make_demos(seed=4).obs.numpy()
    np.testing.assert_array_equal(a.predict(obs, deterministic=True)[0], b.predict(obs, deterministic=True)[0])
    assert not np.array_equal(a.predict(obs, deterministic=True)[0], c.predict(obs, deterministic=True)[0])
    assert torch.equal(env.reset_all(3), before)


def test_resume_equals_going_on(env, tmp_path):
    from rlsuite.runs.checkpoint import load_checkpoint, save_checkpoint

    def make(seed=0):
        return BehaviouralCloning(BcConfig(n_steps=100, validate_every=20), env, demos=make_demos(), seed=seed)

    straight, first = make(), make()
    straight.learn(100)
    first.bc = BcConfig(n_steps=60, validate_every=20)
    first._restore = lambda snapshot: None  # type: ignore[method-assign]  # stopped, not finished
    first.learn(60)
    save_checkpoint(tmp_path / "step", {"training": first.training_state()})
    second = make()
    second.load_training_state(load_checkpoint(tmp_path / "step")["training"])
    second.learn(100, reset_num_timesteps=False)
    assert second.num_timesteps == 100
    for key, value in straight.policy.state_dict().items():
        assert torch.equal(value, second.policy.state_dict()[key]), key


def test_it_is_registered_and_needs_demonstrations(env):
    make = registry.agents.get("bc").resolve()
    assert registry.agents.get("bc").config_class() is BcConfig
    with pytest.raises(UserError, match="needs demonstrations"):
        make(BcConfig(), env, demos=None)
