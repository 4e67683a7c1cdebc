import gymnasium as gym
import numpy as np
import pytest
import torch

from rlsuite.envs.vector import Step, VectorEnv
from rlsuite.evaluation import RandomPolicy, level_score, play


class Counting(VectorEnv):
    """Environment i ends after i + 1 steps, with reward 1 a step and success where i is even; obs is the clock."""

    def __init__(self, n_envs: int) -> None:
        space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)
        super().__init__(
            n_envs, space, gym.spaces.Box(-1, 1, (2,), np.float32), info_keys={"is_success": bool, "progress": float}
        )
        self.seeds: list[int | None] = []
        self.actions: list[np.ndarray] = []

    def reset_all(self, seed=None):
        self.seeds.append(seed)
        self.clock = np.zeros(self.num_envs, dtype=int)
        return self._obs()

    def _obs(self):
        return torch.as_tensor(self.clock[:, None].astype(np.float32))

    def send(self, actions, group=0):
        self.actions.append(np.asarray(actions))
        self.clock += 1

    def recv(self, group=0):
        n = self.num_envs
        done = self.clock >= np.arange(n) + 1
        self.clock[done] = 0
        info = {"is_success": np.arange(n) % 2 == 0, "progress": np.full(n, 0.25)}
        ended = torch.as_tensor(done)
        return Step(self._obs(), torch.ones(n), ended, torch.zeros(n, dtype=torch.bool), self._obs(), info)


class Recurrent:
    """Counts the steps since the episode began in its recurrent state, and checks it against the clock."""

    def __init__(self):
        self.rng = torch.Generator().manual_seed(0)

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        n = len(observation)
        state = np.zeros(n) if state is None else np.where(episode_start, 0, state)
        assert np.array_equal(state, observation[:, 0])
        action = np.zeros((n, 2)) if deterministic else torch.rand((n, 2), generator=self.rng).numpy()
        return action, state + 1


def test_every_environment_plays_its_quota_so_short_episodes_count_no_more_than_long_ones():
    result = play(Recurrent(), Counting(4), 10, seed=5)
    # quotas 3, 3, 2, 2 of lengths 1, 2, 3, 4; taking the first ten to end would give mostly ones
    assert result.lengths.tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 4, 4]
    assert result.returns.tolist() == result.lengths.tolist()
    found = result.to_dict()
    assert found["return_mean"] == pytest.approx(2.3)
    assert found["return_std"] == pytest.approx(np.std([1, 1, 1, 2, 2, 2, 3, 3, 4, 4]))
    assert found["n_episodes"] == 10
    assert found["success_rate"] == pytest.approx(0.5)
    assert found["normalized_score"] is None


def test_the_seed_decides_and_the_policys_own_stream_is_left_alone():
    policy, env = Recurrent(), Counting(2)
    before, global_before = policy.rng.get_state(), torch.get_rng_state()
    draws = []
    for seed in (1, 1, 2):
        env.actions.clear()
        play(policy, env, 4, seed=seed, deterministic=False)
        draws.append(np.concatenate(env.actions))
    assert env.seeds == [1, 1, 2]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    assert torch.equal(policy.rng.get_state(), before)
    assert torch.equal(torch.get_rng_state(), global_before)


def test_a_stop_ends_it_at_once():
    class Stop(Exception):
        pass

    def stop():
        raise Stop

    with pytest.raises(Stop):
        play(Recurrent(), Counting(2), 4, seed=0, on_step=stop)


def test_random_actions_come_from_their_seed():
    space = gym.spaces.Discrete(5)
    first, same, other = (RandomPolicy(space, 50, seed).predict(None)[0] for seed in (0, 0, 1))
    assert first.tolist() == same.tolist() != other.tolist()
    assert set(first) == set(range(5))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"score": "return", "ref_min_score": 0.3, "ref_max_score": 4.3}, 0.5),
        ({"score": "success"}, 0.5),
        ({"score": "progress"}, 0.25),
        ({"score": "return"}, None),
        ({}, None),
    ],
)
def test_the_levels_score(tags, expected):
    assert level_score(tags, play(Recurrent(), Counting(4), 10, seed=5)) == pytest.approx(expected)


def test_hopper_is_scored_on_the_scale_of_its_shipped_demonstrations():
    from rlsuite.demos import read_set
    from rlsuite.registry import levels

    tags, demos = levels.get("mujoco/Hopper-v5").tags, read_set("rlsuite/hopper/expert-mean-v0")
    assert tags["ref_min_score"] == pytest.approx(demos.ref_min_score, abs=0.001)
    assert tags["ref_max_score"] == pytest.approx(demos.ref_max_score, abs=0.001)
    assert "ref_max_score" not in levels.get("mujoco/Ant-v5").tags  # nobody has measured one
