"""Demonstrations in an off-policy learner's minibatches."""

import torch

from rlsuite.agents.contracts import Batch
from rlsuite.agents.learners.lessons import N_PAIRS, Lesson, find_lesson
from rlsuite.agents.learners.sac import SAC
from rlsuite.testing import ConstantReward, make_probe


def lesson(bc_coef=0.0, share=0.25, dim=1):
    n = 6
    return Lesson(torch.full((n, dim), 5.0), torch.full((n, dim), 0.5), torch.full((n, dim), 7.0),
                  torch.ones(n, dtype=torch.bool), bc_coef, share)  # fmt: skip


def replayed(n):
    flags = torch.zeros(n, dtype=torch.bool)
    return Batch(
        torch.zeros(n, 1), torch.zeros(n, 1), torch.ones(n), flags.clone(), flags, torch.zeros(n, 1), flags, {}
    )


def test_the_first_rows_of_every_minibatch_are_demonstrations():
    batch, rng = replayed(24), torch.Generator().manual_seed(0)
    lesson().mix_into(batch, 3, rng)
    demonstrated = [0, 1, 8, 9, 16, 17]
    assert torch.nonzero(batch.obs[:, 0] == 5.0).flatten().tolist() == demonstrated
    assert torch.nonzero(batch.next_obs[:, 0] == 7.0).flatten().tolist() == demonstrated
    assert torch.nonzero(batch.action[:, 0] == 0.5).flatten().tolist() == demonstrated
    assert torch.nonzero(batch.terminated).flatten().tolist() == demonstrated
    assert torch.nonzero(batch.reward == 0).flatten().tolist() == demonstrated


def test_a_share_of_nothing_draws_nothing():
    batch, rng = replayed(8), torch.Generator().manual_seed(0)
    state = rng.get_state()
    lesson(share=0.0).mix_into(batch, 1, rng)
    assert torch.equal(state, rng.get_state())
    assert not batch.obs.any()


def test_pairs_belong_together():
    own = lesson()
    own.obs.copy_(torch.arange(6.0)[:, None])
    own.action.copy_(torch.arange(6.0)[:, None] * 2)
    obs, action = own.pairs(torch.Generator().manual_seed(1))
    assert obs.shape == (N_PAIRS, 1)
    torch.testing.assert_close(action, obs * 2)
    assert len(set(obs.flatten().tolist())) == 6


def test_only_a_reward_that_counts_teaches():
    silent, loud = ConstantReward(1.0, weight=0.0), ConstantReward(1.0, weight=1.0)
    silent.lesson = loud.lesson = lesson()
    assert find_lesson([silent]) is None
    assert find_lesson([silent, loud]) is loud.lesson
    assert find_lesson([ConstantReward(1.0)]) is None


def test_cloning_pulls_the_actor_to_the_demonstrated_action():
    """With a critic that stands still at next to nothing, only the cloning error is left to fall."""
    reward = ConstantReward(1.0)
    reward.lesson = lesson(bc_coef=3.0, share=0.0)
    env, network = make_probe("obs-action-box", 4, seed=0), {"hidden": [16, 16]}
    learner = SAC("MlpPolicy", env, rewards=[reward], network=network, learning_starts=16, batch_size=8,
                  buffer_size=64, learning_rate=1e-2, device="cpu", seed=0)  # fmt: skip
    before = abs(float(learner.predict([[5.0]], deterministic=True)[0][0, 0]) - 0.5)
    learner.learn(400, log_interval=None)
    after = abs(float(learner.predict([[5.0]], deterministic=True)[0][0, 0]) - 0.5)
    assert after < 0.1 < before
