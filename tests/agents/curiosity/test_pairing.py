"""Minibatches that encode each observation once."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from rlsuite.agents.contracts import Batch
from rlsuite.agents.curiosity.pairing import Pairing

STEPS, ENVS = 12, 3


def rollout(two_dimensions: bool = True) -> Batch:
    """A walk in which an episode ends at step 4 of environment 1 and a clock cuts at step 7 of environment 2."""
    rng = torch.Generator().manual_seed(0)
    obs = torch.randint(0, 256, (STEPS + 1, ENVS, 2, 5, 5), dtype=torch.uint8, generator=rng)
    next_obs = obs[1:].clone()
    ended = torch.zeros(STEPS, ENVS, dtype=torch.bool)
    ended[4, 1] = ended[7, 2] = True
    next_obs[ended] = torch.randint(0, 256, (2, 2, 5, 5), dtype=torch.uint8, generator=rng)
    terminated, truncated = ended.clone(), ended.clone()
    terminated[7, 2] = truncated[4, 1] = False
    shape = (STEPS, ENVS)
    action = torch.randint(0, 4, shape, generator=rng)
    start = torch.zeros(shape, dtype=torch.bool)
    batch = Batch(obs[:-1], action, torch.zeros(shape), terminated, truncated, next_obs, start, {})
    return batch if two_dimensions else batch.flatten()


@pytest.mark.parametrize("two_dimensions", [True, False])
@pytest.mark.parametrize("index", ["all", "some", "shuffled", "runs"])
def test_every_pair_is_found_among_the_distinct_observations(index: str, two_dimensions: bool) -> None:
    pairing = Pairing(rollout(two_dimensions))
    rng = torch.Generator().manual_seed(1)
    rows = {
        "all": torch.arange(pairing.n),
        "some": torch.arange(5, 20),
        "shuffled": pairing.shuffled(1, rng)[:10],
        "runs": pairing.shuffled(4, rng)[:16],
    }[index]
    batch = pairing.cut(rows)
    obs, after = batch.distinct()
    assert torch.equal(obs[: len(rows)], pairing.flat.obs[rows])
    assert torch.equal(obs[after], pairing.flat.next_obs[rows])
    assert len(obs) <= 2 * len(rows)


def test_a_rollout_needs_half_the_encodings() -> None:
    pairing = Pairing(rollout())
    obs, _ = pairing.cut(torch.arange(pairing.n)).distinct()
    assert len(obs) == pairing.n + ENVS + 2  # the last step of each environment, and two episodes that ended


def test_runs_stay_together_and_every_row_comes_once() -> None:
    pairing = Pairing(rollout())
    order = pairing.shuffled(4, torch.Generator().manual_seed(2))
    assert order.sort().values.tolist() == list(range(pairing.n))
    runs = order.view(-1, 4)
    assert (runs.diff(dim=1) == ENVS).all()
    assert (runs[:, 0] // ENVS % 4 == 0).all()
    again = pairing.shuffled(4, torch.Generator().manual_seed(3))
    assert not torch.equal(order, again)


def test_a_run_longer_than_what_is_left_ends_with_the_rollout() -> None:
    pairing = Pairing(rollout())
    order = pairing.shuffled(5, torch.Generator().manual_seed(2))
    assert order.sort().values.tolist() == list(range(pairing.n))


def test_an_environment_that_lies_about_its_successors_is_still_paired_rightly() -> None:
    honest = rollout()
    odd = dataclasses.replace(honest, next_obs=honest.next_obs.flip(0).contiguous())
    pairing = Pairing(odd)
    batch = pairing.cut(torch.arange(pairing.n))
    obs, after = batch.distinct()
    assert torch.equal(obs[after], pairing.flat.next_obs)
