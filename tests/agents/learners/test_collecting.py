"""Rollouts whose groups step side by side, in a thread each, are those of groups in turn."""

from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

from rlsuite.agents.learners.collecting import side_by_side
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


def learner(*, apart: bool) -> PPO:
    env = MujocoVectorEnv("Hopper-v5", 5, seed=0, n_threads=2, max_episode_steps=15)
    made = PPO("MlpPolicy", env, seed=0, device="cpu", **SETTINGS)
    env._engine.side_by_side = apart
    assert env.steps_side_by_side == apart
    return made


@pytest.mark.parametrize("callback", [None, Stop(7), Stop(24)], ids=["whole", "stopped", "stopped at the end"])
def test_the_bits_are_the_same(callback: BaseCallback | None) -> None:
    given = []
    for apart in (False, True):
        one = learner(apart=apart)
        if callback is not None:
            callback.n_calls = 0
        one.learn(2 * 24 * 5, callback)
        state = one.training_state()
        given.append([one.rollout.obs.clone(), one.rollout.action.clone(), state["obs"], one.flat.param.detach()])
        physics = one.env.state_dict()["physics"]
        given[-1].append(torch.as_tensor(np.array(physics)))
        one.env.close()
    for a, b in zip(*given, strict=True):
        assert torch.equal(a, b)


def test_an_error_in_a_thread_is_raised() -> None:
    one = learner(apart=True)

    def fail(actions, group):
        if group == 1:
            raise RunError("the engine broke")
        return type(one.env).step_group(one.env, actions, group)

    one.env.step_group = fail  # type: ignore[method-assign]
    with pytest.raises(RunError, match="broke"):
        one.learn(240)


def test_no_group_runs_far_ahead() -> None:
    one = learner(apart=True)
    one.learn(120)
    seen: list[tuple[int, int]] = []
    act = one._begin_acting()

    def noted(t: int, group: slice) -> torch.Tensor:
        seen.append((t, group.start))
        return act(t, group)

    rows: list[int] = []
    with torch.no_grad():
        assert side_by_side(one.env, one.rollout, noted, lambda t: rows.append(t) or True) is None
    assert rows == list(range(24))
    for start in (0, 2):
        assert [t for t, s in seen if s == start] == rows
    first = {t: i for i, (t, start) in enumerate(seen) if start == 0}
    assert all(first[t - 2] < i for i, (t, start) in enumerate(seen) if start == 2 and t >= 2)
