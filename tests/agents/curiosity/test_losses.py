import math

import pytest
import torch

from rlsuite.agents.curiosity.losses import (
    action_loss,
    disagreement,
    elliptical_bonus,
    elliptical_visit,
    episodic_novelty,
    episodic_similarity,
    forward_error,
    rank_one_update,
    vae_loss,
)
from rlsuite.agents.curiosity.scaling import ActionRatio, ObservationScale, RecentReturnScale
from rlsuite.agents.learners.advantages import DiscountedReturnScale

CPU = torch.device("cpu")


def test_forward_error_is_half_the_squared_norm() -> None:
    predicted = torch.tensor([[1.0, 2.0], [0.0, -3.0]])
    target = torch.tensor([[0.0, 0.0], [0.0, 1.0]])
    assert forward_error(predicted, target).tolist() == [2.5, 8.0]


def test_disagreement_is_the_population_variance_mean_over_features() -> None:
    predictions = torch.tensor([[[0.0, 1.0]], [[2.0, 1.0]], [[4.0, 1.0]]])  # variances 8/3 and 0
    assert disagreement(predictions).item() == pytest.approx(4 / 3)


def test_elliptical_bonus_with_the_ridge_alone() -> None:
    inverse = torch.eye(2)[None] / 0.1
    assert elliptical_bonus(torch.tensor([[1.0, 0.0]]), inverse).item() == pytest.approx(10.0)
    assert elliptical_bonus(torch.tensor([[3.0, 4.0]]), inverse).item() == pytest.approx(250.0)


def test_rank_one_update_is_the_inverse_of_the_sum() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(20, 3, 5, generator=generator, dtype=torch.float64)
    inverse = torch.eye(5, dtype=torch.float64).repeat(3, 1, 1) / 0.1
    for phi in features:
        inverse = rank_one_update(inverse, phi)
    covariance = 0.1 * torch.eye(5, dtype=torch.float64) + torch.einsum("tni,tnj->nij", features, features)
    assert torch.allclose(inverse, torch.linalg.inv(covariance), atol=1e-9)


def test_a_state_seen_n_times_has_bonus_one_over_n_plus_ridge() -> None:
    inverse, phi = torch.eye(2, dtype=torch.float64)[None] / 0.1, torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    for n in range(5):
        assert elliptical_bonus(phi, inverse).item() == pytest.approx(1 / (n + 0.1))
        inverse = rank_one_update(inverse, phi)


def test_similarity_by_hand() -> None:
    # normalised distances 0 (below the cluster distance), 1 and, missing, 1
    squared = torch.tensor([[0.01, 2.016, math.inf]])
    expected = math.sqrt(1.0 + 2 * (0.001 / 1.001))
    got = episodic_similarity(squared, 2.0, 0.001, 0.008).item()
    assert got == pytest.approx(expected, rel=1e-4)
    novelty = episodic_novelty(torch.tensor([0.999, 8.1]), 8.0)
    assert novelty.tolist() == pytest.approx([1.0, 0.0])


def test_action_loss_of_flat_logits_is_ln_n() -> None:
    loss, accuracy = action_loss(torch.zeros(3, 4), torch.tensor([0, 1, 0]), 4)
    assert loss.tolist() == pytest.approx([math.log(4)] * 3)
    assert accuracy.item() == pytest.approx(2 / 3), "argmax of equals is the first"


def test_action_loss_of_continuous_actions() -> None:
    action = torch.tensor([[0.0], [2.0]])
    loss, explained = action_loss(torch.tensor([[1.0], [2.0]]), action, None)
    assert loss.tolist() == [0.5, 0.0]
    assert explained.item() == pytest.approx(0.5)
    assert action_loss(torch.tensor([[9.0], [9.0]]), action, None)[1].item() == 0.0


def test_vae_loss_by_hand() -> None:
    zeros = torch.zeros(1, 2)
    assert vae_loss(zeros, zeros, zeros, zeros).item() == 0.0
    assert vae_loss(zeros + 2.0, zeros, zeros, zeros).item() == 4.0
    assert vae_loss(zeros, zeros, zeros + 3.0, zeros).item() == 9.0
    assert vae_loss(zeros, zeros, zeros, zeros + 1.0).item() == pytest.approx(math.e - 2.0)


def test_the_ratio_divides_by_what_is_usual_for_the_action() -> None:
    ratio = ActionRatio(3, cap=5.0, device=CPU)
    bonus, action = torch.tensor([1.0, 3.0, 10.0]), torch.tensor([0, 0, 1])
    ratio.update(bonus, action)
    assert ratio(bonus, action).tolist() == pytest.approx([0.5, 1.5, 1.0])
    assert ratio(torch.tensor([100.0]), torch.tensor([0])).item() == 5.0
    unseen = ratio(torch.tensor([14 / 3]), torch.tensor([2]))
    assert unseen.item() == pytest.approx(1.0), "an action never taken: the mean over all"


def test_observations_are_whitened_and_clipped() -> None:
    scale = ObservationScale((2,), image=False, whiten=True, device=CPU)
    x = torch.tensor([[0.0, 10.0], [2.0, 30.0]])
    scale.update(x[:1])
    scale.update(x[1:])
    assert torch.allclose(scale(x), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    assert scale(torch.tensor([[1000.0, 20.0]])).tolist() == [[5.0, 0.0]]


def test_pictures_are_divided_by_255() -> None:
    scale = ObservationScale((1, 1, 1), image=True, whiten=False, device=CPU)
    assert scale(torch.tensor([[[[51]]]], dtype=torch.uint8)).item() == pytest.approx(0.2)


def test_the_bonus_is_divided_by_the_std_of_its_discounted_sum() -> None:
    reward = torch.tensor([[1.0, 0.0], [2.0, 4.0], [0.0, 1.0]])
    sums = torch.tensor([[1.0, 0.0], [2.5, 4.0], [1.25, 3.0]])
    scale = DiscountedReturnScale(2, 0.5, CPU)
    scaled = scale(reward, torch.zeros(3, 2, dtype=torch.bool))
    assert torch.allclose(scaled, reward / sums.std(correction=0), atol=1e-6)


def test_a_visit_in_place_is_bonus_and_update() -> None:
    generator = torch.Generator().manual_seed(0)
    inverse = torch.eye(3).repeat(2, 1, 1) * 10.0
    in_place = inverse.clone()
    for _ in range(4):
        phi = torch.randn(2, 3, generator=generator)
        expected = elliptical_bonus(phi, inverse)
        inverse = rank_one_update(inverse, phi)
        assert torch.allclose(elliptical_visit(in_place, phi), expected, atol=1e-5)
        assert torch.allclose(in_place, inverse, atol=1e-5)


def test_the_scale_of_the_last_rollouts_forgets_the_first() -> None:
    ended = torch.ones(4, 2, dtype=torch.bool)  # every sum is one bonus
    generator = torch.Generator().manual_seed(0)
    huge, small, other = (torch.rand(4, 2, generator=generator) * k for k in (1000.0, 1.0, 2.0))
    scale = RecentReturnScale(2, 0.9, 2, CPU)
    scale(huge, ended)
    for bonus in (small, other):
        scaled = scale(bonus, ended)
    assert torch.allclose(scaled, other / torch.cat([small, other]).std(correction=0), atol=1e-4)


def test_the_scale_of_all_rollouts_is_the_papers() -> None:
    bonus, ended = torch.tensor([[1.0, 0.0], [2.0, 4.0]]), torch.zeros(2, 2, dtype=torch.bool)
    whole, recent = DiscountedReturnScale(2, 0.5, CPU), RecentReturnScale(2, 0.5, None, CPU)
    for _ in range(3):
        assert torch.equal(whole(bonus, ended), recent(bonus, ended))


def test_a_restored_scale_goes_on_bit_for_bit() -> None:
    bonus, ended = torch.tensor([[1.0, 0.0], [2.0, 4.0]]), torch.zeros(2, 2, dtype=torch.bool)
    first, second = (RecentReturnScale(2, 0.5, 2, CPU) for _ in range(2))
    for factor in (1.0, 5.0, 2.0):
        first(bonus * factor, ended)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(bonus, ended), second(bonus, ended))
