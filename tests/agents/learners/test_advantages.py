"""Advantages by hand: terminated, truncated, non-episodic, absorbing; streams by weight."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rlsuite.agents.learners.advantages import DiscountedReturnScale, RunningScale, gae
from rlsuite.agents.learners.ppo import PPO
from rlsuite.agents.learners.streams import make_streams
from rlsuite.errors import ConfigError
from rlsuite.testing import ConstantReward, make_probe


def column(*x: float) -> torch.Tensor:
    return torch.tensor(x)[:, None, None]


def test_gae_by_hand() -> None:
    gamma, lam = 0.5, 0.5
    # row 1 ends the trajectory with a terminal state: its next value is 0 and nothing flows back over it
    got = gae(
        column(1, 2, 3), column(10, 20, 30), column(20, 0, 40), column(0, 1, 0).bool(), torch.tensor([gamma]), lam
    )
    d2 = 3 + 0.5 * 40 - 30
    d1 = 2 + 0 - 20
    d0 = 1 + 0.5 * 20 - 10
    torch.testing.assert_close(got, column(d0 + 0.25 * d1, d1, d2))


def test_streams_keep_their_own_discount_and_cuts() -> None:
    reward = torch.ones(2, 1, 2)
    cut = torch.tensor([[[True, False]], [[False, False]]])
    got = gae(reward, torch.zeros(2, 1, 2), torch.zeros(2, 1, 2), cut, torch.tensor([0.9, 0.5]), 1.0)
    torch.testing.assert_close(got[:, 0], torch.tensor([[1.0, 1.5], [1.0, 1.0]]))


def rollout_values(terminated: list[bool], truncated: list[bool], rewards: list[Any]) -> Any:
    """What `PPO._values` makes of a rollout of three steps whose values are the observations themselves."""
    learner = PPO("MlpPolicy", make_probe("value-only", 1, seed=0), rewards=rewards, seed=0, n_steps=3, device="cpu")
    heads = 1 + len(learner.streams.own)
    learner.policy = SimpleNamespace(  # type: ignore[assignment]
        head_values=lambda x: x.reshape(-1, 1).repeat(1, heads), inputs=lambda x: x
    )
    learner.rollout.obs = torch.tensor([10.0, 20.0, 30.0, 40.0]).reshape(4, 1, 1)
    learner.rollout.next_obs = torch.tensor([21.0, 31.0, 41.0]).reshape(3, 1, 1)
    learner.rollout.terminated = torch.tensor(terminated)[:, None]
    learner.rollout.truncated = torch.tensor(truncated)[:, None]
    learner._values_pending = True
    value, next_value = learner._values(learner.rollout.obs.flatten(0, 1), 3)
    assert value[:, 0, 0].tolist() == [10.0, 20.0, 30.0]
    return next_value[:, 0]


def test_what_follows_each_transition() -> None:
    got = rollout_values([False, True, False], [False, False, True], [])
    # runs on; terminal state; cut by a clock: the true successor, not the first observation after the reset
    assert got[:, 0].tolist() == [20.0, 0.0, 41.0]


def test_a_non_episodic_stream_goes_on_through_death_into_the_reset() -> None:
    own = ConstantReward(value_head="own")
    own.episodic = False
    got = rollout_values([False, True, False], [False, False, True], [own])
    assert got[:, 0].tolist() == [20.0, 0.0, 41.0]
    assert got[:, 1].tolist() == [20.0, 30.0, 41.0]


def test_an_absorbing_value_follows_a_terminal_state() -> None:
    class Absorbing(ConstantReward):
        def absorbing_value(self, gamma: float) -> float:
            return 2.0 / (1 - gamma)

    got = rollout_values([False, True, False], [False, False, True], [Absorbing(weight=0.5)])
    torch.testing.assert_close(got[1, 0], torch.tensor(0.5 * 2.0 / 0.01))


def test_streams_sum_by_weight_and_ignore_weight_zero() -> None:
    a, b = ConstantReward(weight=2.0), ConstantReward(weight=3.0, value_head="own")
    c = ConstantReward(weight=0.0, value_head="own")
    a.name, b.name, c.name = "a", "b", "c"
    streams = make_streams([a, b, c], extrinsic_coef=0.5, gamma=0.9)
    learned = {"a": torch.tensor([[1.0]]), "b": torch.tensor([[7.0]]), "c": torch.tensor([[torch.nan]])}
    assert streams.combine(torch.tensor([[10.0]]), learned).tolist() == [[[7.0, 7.0]]]
    assert streams.weights == [1.0, 3.0]


@pytest.mark.parametrize("change", [{"episodic": False}, {"gamma": 0.5}])
def test_a_shared_stream_cannot_have_its_own_discount(change: dict) -> None:
    reward = ConstantReward()
    for key, value in change.items():
        setattr(reward, key, value)
    with pytest.raises(ConfigError, match="value_head: own"):
        make_streams([reward], 1.0, 0.9)


def test_reward_scale_is_the_std_of_discounted_returns() -> None:
    scale = DiscountedReturnScale(1, 0.5, torch.device("cpu"))
    reward = torch.tensor([[1.0], [1.0], [1.0]])
    ended = torch.tensor([[False], [True], [False]])
    returns = torch.tensor([1.0, 1.5, 1.0])  # the second episode begins anew
    torch.testing.assert_close(scale(reward, ended), reward / returns.std(correction=0), atol=1e-5, rtol=1e-5)
    assert scale.carry.tolist() == [0.5]


def test_running_scale_is_exact_over_batches() -> None:
    x = torch.randn(50, generator=torch.Generator().manual_seed(0))
    scale = RunningScale(torch.device("cpu"))
    for part in x.split([1, 9, 40]):
        scale.update(part)
    torch.testing.assert_close(scale.divide(x), x / x.std(correction=0), atol=1e-5, rtol=1e-5)
