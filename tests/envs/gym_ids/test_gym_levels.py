"""Foreign Gymnasium ids behind the contract."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from rlsuite.envs.gym.config import GymConfig
from rlsuite.envs.gym.making import adapt
from rlsuite.envs.levels import make_vec
from rlsuite.errors import RunError, UserError
from rlsuite.testing import check_vector_env


class Counting(gym.Env):
    """Counts its steps; the episode ends after three of them, or the process with it."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = spaces.Discrete(3, start=1)

    def __init__(self, fail_at: int = 0) -> None:
        self.fail_at, self.count, self.episode = fail_at, 0, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count, self.episode = 0, self.episode + 1
        return np.array([self.count, self.episode], float), {}

    def step(self, action):
        self.count += 1
        if self.fail_at and self.count >= self.fail_at:
            raise ValueError("the engine is out of oil")
        done = self.count == 3
        info = {"action": int(action), "text": "not a number"} | ({"won": 1.0} if done else {})
        return np.array([self.count, self.episode], float), 1.0, done, False, info


gym.register("rlsuite-test/Counting-v0", Counting)
COUNTING = "gym/rlsuite-test/Counting-v0"


def make(id, n_envs=3, **options):
    return make_vec(id, n_envs, seed=3, options=GymConfig(id=id, **options))


@pytest.mark.parametrize("backend", ["processes", "serial"])
def test_keeps_the_contract(backend):
    env = make("gym/CartPole-v1", 4, backend=backend, max_episode_steps=12)
    check_vector_env(env, n_steps=30, picture=False)
    env.close()


@pytest.mark.parametrize("backend", ["processes", "serial"])
def test_successors_infos_and_discrete_start(backend):
    env = make(COUNTING, backend=backend, info_keys=("won",))
    assert env.action_space == spaces.Discrete(3)
    assert set(env.info_keys) == {"action", "won"}
    env.reset_all()
    for t in range(1, 7):
        step = env.step_tensor(np.array([0, 1, 2]))
        ended = t % 3 == 0
        assert step.terminated.tolist() == [ended] * 3
        assert step.next_obs[:, 0].tolist() == [(t - 1) % 3 + 1] * 3  # the old episode's last state
        assert step.obs[:, 0].tolist() == [0 if ended else t % 3] * 3
        assert step.info["action"].tolist() == [1, 2, 3]
        assert np.isnan(step.info["won"]).all() != ended
        assert step.obs.dtype == torch.float32
    env.close()


def test_groups_give_the_same_episodes():
    one, two = make("gym/CartPole-v1", 4, backend="serial"), make("gym/CartPole-v1", 4, backend="serial")
    two.set_groups(2)
    assert torch.equal(one.reset_all(seed=1), two.reset_all(seed=1))
    actions = np.array([0, 1, 0, 1])
    whole = one.step_tensor(actions)
    for group in range(2):
        two.send(actions[two.group_slice(group)], group)
    parts = [two.recv(group) for group in range(2)]
    assert torch.equal(whole.obs, torch.cat([part.obs for part in parts]))
    one.close()
    two.close()


def test_restore_restarts_the_episodes_from_the_saved_stream():
    env = make("gym/CartPole-v1", 2, backend="serial")
    env.reset_all()
    state = env.state_dict()
    assert not env.restorable
    first = env.load_state_dict(state).clone()
    env.step_tensor(np.array([0, 1]))
    assert torch.equal(first, env.load_state_dict(state))
    env.close()


@pytest.mark.parametrize("backend", ["processes", "serial"])
def test_a_failing_environment_is_a_run_error(backend):
    env = make(COUNTING, 2, backend=backend, kwargs={"fail_at": 5})  # later than the steps that look at the info
    env.reset_all()
    env._vecs[0].set_attr("fail_at", 1) if backend == "processes" else setattr(
        env._vecs[0].envs[0].unwrapped, "fail_at", 1
    )
    env.send(np.array([0, 0]))
    with pytest.raises(RunError, match="rlsuite-test/Counting-v0"):
        env.recv()
    env._vecs = []


@pytest.mark.parametrize(
    ("id", "message"),
    [
        ("gym/CartPol-v1", "did you mean gym/CartPole-v1"),
        ("gym/no_such_module:Foo-v0", "module 'no_such_module' cannot be imported"),
        ("gym/Zzz-v0", "Gymnasium knows no environment 'Zzz-v0'"),
    ],
)
def test_unknown_ids_are_refused(id, message):
    with pytest.raises(UserError, match=message):
        make(id)


def test_refused_arguments_name_themselves():
    with pytest.raises(UserError, match="colour"):
        make("gym/CartPole-v1", kwargs={"colour": "red"})


class Fixed(gym.Env):
    """Gives samples of one observation space."""

    action_space = spaces.Box(-1, 1, (2,), np.float64)

    def __init__(self, space):
        self.observation_space = space

    def reset(self, *, seed=None, options=None):
        return self.observation_space.sample(), {}

    def step(self, action):
        assert action.dtype == np.float64
        return self.observation_space.sample(), 0.0, False, False, {}


@pytest.mark.parametrize(
    ("space", "shape", "dtype"),
    [
        (spaces.Box(0, 255, (8, 6, 3), np.uint8), (3, 8, 6), np.uint8),
        (spaces.Box(0, 255, (3, 8, 6), np.uint8), (3, 8, 6), np.uint8),
        (spaces.Box(0, 255, (8, 6), np.uint8), (1, 8, 6), np.uint8),
        (spaces.Box(-1, 1, (4,), np.float64), (4,), np.float32),
        (spaces.Box(-1, 1, (2, 2), np.float64), (4,), np.float32),
        (spaces.Discrete(5), (5,), np.float32),
        (spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Box(0, 1, (3,))}), (5,), np.float32),
    ],
)
def test_observations_take_the_house_form(space, shape, dtype):
    env = adapt(Fixed(space), "float32")
    obs, _ = env.reset()
    assert env.observation_space.shape == obs.shape == shape
    assert env.observation_space.dtype == obs.dtype == dtype
    assert env.observation_space.contains(env.step(env.action_space.sample())[0])
    assert env.action_space.dtype == np.float32


def test_unsupported_actions_are_refused():
    env = Fixed(spaces.Discrete(2))
    env.action_space = spaces.Tuple((spaces.Discrete(2),))  # type: ignore[assignment]
    with pytest.raises(UserError, match="Tuple"):
        adapt(env, "float32")
