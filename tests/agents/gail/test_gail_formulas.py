"""Hand-computed answers for GAIL's formulas."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlsuite.agents.gail.discriminator import Discriminator
from rlsuite.agents.gail.losses import (
    balanced_bce,
    bernoulli_entropy,
    gradient_penalty,
    mixup_bce,
    reward_from_logits,
)

LOGITS = torch.tensor([-5.0, 0.0, 5.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        # -log(1 - D) at D = sigmoid(-5), 1/2, sigmoid(5); log D mirrored; the logit; -h exp(h)
        ("gail", [0.006715348489118068, 0.6931471805599453, 5.006715348489118]),
        ("log_d", [-5.006715348489118, -0.6931471805599453, -0.006715348489118068]),
        ("airl", [-5.0, 0.0, 5.0]),
        ("fairl", [0.03368973499542734, 0.0, -742.0657955128829]),
    ],
)
def test_rewards_at_logits_0_and_5(form, expected):
    torch.testing.assert_close(reward_from_logits(LOGITS, form), torch.tensor(expected, dtype=torch.float64))


def test_rewards_agree_with_their_definition_in_d():
    d = torch.sigmoid(LOGITS)
    torch.testing.assert_close(reward_from_logits(LOGITS, "gail"), -torch.log(1 - d))
    torch.testing.assert_close(reward_from_logits(LOGITS, "log_d"), torch.log(d))
    torch.testing.assert_close(reward_from_logits(LOGITS, "airl"), torch.log(d) - torch.log(1 - d))


def test_logits_are_clamped_before_they_become_rewards():
    assert reward_from_logits(torch.tensor([100.0]), "fairl", clip=2.0).item() == pytest.approx(-2 * math.exp(2))
    assert torch.isfinite(reward_from_logits(torch.tensor([1e6, -1e6]), "fairl")).all()


def test_expert_logits_up_lowers_the_loss():
    zero = torch.zeros(4)
    assert balanced_bce(zero, zero).item() == pytest.approx(math.log(2))
    assert balanced_bce(zero + 5, zero - 5).item() == pytest.approx(0.006715348489118068, rel=1e-5)
    assert balanced_bce(zero - 5, zero + 5).item() == pytest.approx(5.006715348489118)


def test_classes_count_alike_whatever_their_sizes():
    few, many = torch.full((2,), 1.0), torch.full((2000,), 1.0)
    assert balanced_bce(few, few).item() == pytest.approx(balanced_bce(few, many).item())
    # by hand: half of softplus(-1) and half of softplus(1)
    assert balanced_bce(few, many).item() == pytest.approx(0.5 * (0.31326168751822286 + 1.3132616875182228))


def test_mixup_of_pure_samples_is_the_cross_entropy():
    logits, share = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    assert mixup_bce(logits, share).item() == pytest.approx(balanced_bce(logits[:1], logits[1:]).item())


def test_entropy_is_log_2_at_0_and_small_when_sure():
    entropy = bernoulli_entropy(LOGITS)
    p = 1 / (1 + math.exp(5))
    expected = -(p * math.log(p) + (1 - p) * math.log(1 - p))
    torch.testing.assert_close(entropy, torch.tensor([expected, math.log(2), expected], dtype=torch.float64))


def test_gradient_penalty_by_hand():
    gradients = torch.tensor([[3.0, 4.0], [0.0, 1.0]])  # norms 5 and 1
    assert gradient_penalty(gradients, target=1.0).item() == pytest.approx(8.0)
    assert gradient_penalty(gradients, target=0.0).item() == pytest.approx(13.0)
    zero = torch.zeros(1, 2, requires_grad=True)
    gradient_penalty(zero, 1.0).backward()
    assert torch.isfinite(zero.grad).all()


@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("hidden", [(16,), (16, 12), (8, 8, 8)])
def test_closed_form_gradients_equal_double_backward(hidden, activation, spectral_norm):
    make = torch.Generator().manual_seed(3)
    net = Discriminator(5, hidden, activation, spectral_norm=spectral_norm, generator=make).double()
    x = torch.randn(7, 5, generator=make, dtype=torch.float64)
    logits, gradients = net.logits_and_gradients(x, slice(2, 7))
    x_auto = x.clone().requires_grad_()
    (auto,) = torch.autograd.grad(net(x_auto).sum(), x_auto, create_graph=True)
    torch.testing.assert_close(logits, net(x))
    torch.testing.assert_close(gradients, auto[2:])
    ours = torch.autograd.grad(gradient_penalty(gradients, 1.0), list(net.weights), allow_unused=True)
    theirs = torch.autograd.grad(gradient_penalty(auto[2:], 1.0), list(net.weights), allow_unused=True)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_closed_form_gradients_hold_under_dropout(activation):
    net = Discriminator(4, (32, 32), activation, generator=torch.Generator().manual_seed(0)).double()
    x = torch.randn(6, 4, dtype=torch.float64)
    net.generator.manual_seed(5)
    _, gradients = net.logits_and_gradients(x, slice(0, 6), dropout=0.4)
    x_auto = x.clone().requires_grad_()
    net.generator.manual_seed(5)  # the same masks
    (auto,) = torch.autograd.grad(net(x_auto, dropout=0.4).sum(), x_auto)
    torch.testing.assert_close(gradients, auto)
    assert not torch.allclose(gradients, net.logits_and_gradients(x, slice(0, 6))[1])


def test_spectral_norm_makes_every_singular_value_at_most_one():
    net = Discriminator(10, (32, 32), "relu", spectral_norm=True, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for weight in net.weights:
            weight.mul_(7.0)
    net.iterate_spectral_norm(200)
    for weight in net.effective_weights():
        assert torch.linalg.matrix_norm(weight, ord=2).item() == pytest.approx(1.0, abs=1e-4)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-30, 30), min_size=2, max_size=20))
def test_more_expert_is_more_reward(values):
    h = torch.tensor(sorted(values), dtype=torch.float64)
    for form in ("gail", "log_d", "airl"):
        r = reward_from_logits(h, form)
        assert (r.diff() >= 0).all()
        assert torch.isfinite(r).all()
    assert (reward_from_logits(h, "gail") >= 0).all()
    assert (reward_from_logits(h, "log_d") <= 0).all()
