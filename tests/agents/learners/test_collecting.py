"""A rollout of all environments at once is that of two groups, one stepped while the other is inferred."""

from typing import Any

import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

from rlsuite.agents.learners.collecting import collect
from rlsuite.agents.learners.ppo import PPO
from rlsuite.envs.mujoco.vector_env import MujocoVectorEnv
from rlsuite.errors import RunError

SETTINGS: dict[str, Any] = {"n_steps": 24, "batch_size": 32, "n_epochs": 2}


class Stop(BaseCallback):
    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def _on_step(self) -> bool:
        return self.n_calls < self.after


def learner(*, overlap: bool) -> PPO:
    env = MujocoVectorEnv("Hopper-v5", 5, seed=0, n_threads=2, max_episode_steps=15)
    env.overlap_pays = overlap
    made = PPO("MlpPolicy", env, seed=0, device="cpu", **SETTINGS)
    assert env.n_groups == (2 if overlap else 1)
    return made


@pytest.mark.parametrize("last", [None, 6, 23], ids=["whole", "stopped", "stopped at the end"])
def test_the_bits_are_the_same(last: int | None) -> None:
    actions = torch.rand(24, 5, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    given = []
    for overlap in (False, True):
        one = learner(overlap=overlap)
        one.env.reset_all(7)
        stopped = collect(one.env, one.rollout, lambda t, group: actions[t, group], lambda t: t != last)
        assert stopped == last
        physics = torch.as_tensor(one.env.state_dict()["physics"])
        given.append([one.rollout.obs, one.rollout.next_obs, one.rollout.reward, one.rollout.truncated, physics])
        one.env.close()
    for a, b in zip(*given, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("after", [7, 24])
def test_a_learner_that_was_stopped_goes_on(overlap: bool, after: int) -> None:
    one = learner(overlap=overlap)
    one.learn(240, Stop(after))
    assert one.num_timesteps == 5 * after
    one.learn(240, reset_num_timesteps=False)
    assert one.num_timesteps >= 240
    one.env.close()


@pytest.mark.parametrize("overlap", [False, True])
def test_an_error_of_the_engine_is_raised(overlap: bool) -> None:
    one = learner(overlap=overlap)

    def fail(where):
        raise RunError("the engine broke")

    one.env._engine.step = fail  # type: ignore[attr-defined]
    with pytest.raises(RunError, match="broke"):
        one.learn(240)
