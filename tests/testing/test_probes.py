import numpy as np
import pytest
import torch

from rlsuite.errors import UserError
from rlsuite.registry import Registry
from rlsuite.testing import PROBES, check_vector_env, make_probe, value_error
from rlsuite.testing.entries import register

GAMMA = 0.9


@pytest.mark.parametrize("name", PROBES)
def test_probe_keeps_the_contract_of_vector_environments(name):
    check_vector_env(make_probe(name, 3, seed=5))


@pytest.mark.parametrize("name", [n for n in PROBES if n != "memory"])
def test_best_policy_earns_the_return_the_probe_claims(name):
    probe = make_probe(name, 64, seed=1)
    obs, totals, finished = probe.reset_all(1), torch.zeros(64), []
    while len(finished) < 2000:
        step = probe.step_tensor(probe.optimal_action(obs.numpy()))
        totals += step.reward
        done = step.terminated | step.truncated
        finished += totals[done].tolist()
        totals[done] = 0.0
        obs = step.obs
    assert np.mean(finished) == pytest.approx(probe.optimal_return, abs=0.06)


@pytest.mark.parametrize("name", [n for n in PROBES if n != "memory"])
def test_values_satisfy_the_bellman_equation(name):
    """V(s) = r + gamma V(s') along the best policy's own transitions, 0 past a terminal state only."""
    probe = make_probe(name, 16, seed=2)
    states, values = probe.optimal_values(GAMMA)
    table = {s.tobytes(): v for s, v in zip(states, values, strict=True)}
    obs, checked = probe.reset_all(2), 0
    for _ in range(60):
        before = obs.clone()
        step = probe.step_tensor(probe.optimal_action(obs.numpy()))
        for i in range(16):
            future = 0.0 if step.terminated[i] else table[step.next_obs[i].numpy().tobytes()]
            assert table[before[i].numpy().tobytes()] == pytest.approx(float(step.reward[i]) + GAMMA * future, abs=1e-5)
            checked += 1
        obs = step.obs
    assert checked == 960


def test_truncation_probe_tells_the_wrong_bootstraps_apart():
    """Worth of the later state by hand: right 10; from the reset observation, and as an end, less."""
    probe = make_probe("truncation", 4)
    _, (first, later) = probe.optimal_values(GAMMA)
    assert later == pytest.approx(10.0)
    assert first == pytest.approx(9.0)
    from_reset = 1.0 / (1.0 - GAMMA**2)  # v = 1 + gamma * (gamma * v), were the last step's future the reset state
    assert from_reset < 0.6 * later


def test_memory_probe_answered_from_memory_is_always_right():
    probe = make_probe("memory", 8, seed=3)
    cue = probe.reset_all(3)[:, 0].numpy()
    for t in range(3):
        step = probe.step_tensor((cue > 0).astype(np.int64))
        assert step.reward.tolist() == ([0.0] * 8 if t < 2 else [1.0] * 8)


def test_corridor_is_as_hard_as_it_says():
    """A uniform policy reaches the end in 1 of 216 episodes (exact: 0.00463), so 10,000 show 46 or so."""
    probe, rng = make_probe("corridor", 500, seed=0), np.random.default_rng(0)
    probe.reset_all(0)
    reached = episodes = 0
    while episodes < 10_000:
        step = probe.step_tensor(rng.integers(0, 2, 500))
        reached += int(step.terminated.sum())
        episodes += int((step.terminated | step.truncated).sum())
    assert 0.0025 < reached / episodes < 0.0075


def test_cues_are_fair_and_differ_between_environments_and_seeds():
    probe = make_probe("obs-action", 256, seed=0)
    first, second = probe.reset_all(0), probe.reset_all(1)
    assert abs(float(first.mean())) < 0.25
    assert not torch.equal(first, second)


def test_value_error_of_the_true_values_is_zero_and_of_zero_is_the_largest_value():
    probe = make_probe("termination")
    assert value_error(lambda obs: (1 - GAMMA ** (4 - 4 * obs)) / (1 - GAMMA), probe, GAMMA) < 1e-6
    assert value_error(torch.zeros_like, probe, GAMMA) == pytest.approx(1 + 0.9 + 0.81 + 0.729)


def test_unknown_probe_is_named():
    with pytest.raises(UserError, match="unknown probe 'obs'"):
        make_probe("obs")


def test_wrong_action_shape_is_refused():
    probe = make_probe("action", 3)
    probe.reset_all(0)
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(2,\)"):
        probe.send(np.zeros(2))


def test_every_probe_is_a_level():
    levels = Registry("level")
    levels._loaded = True
    register(levels)
    assert {e.id for e in levels} == {f"probe/{n}" for n in PROBES}
    env = levels.get("probe/image").resolve()("probe/image", 2, seed=0, options=None)
    assert env.reset_all(0).shape == (2, 1, 36, 36)
