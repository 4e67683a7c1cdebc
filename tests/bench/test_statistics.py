import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rlsuite.bench.statistics import (
    bootstrap,
    bootstrap_curve,
    bootstrap_improvement,
    iqm,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
    resample_indices,
)


@pytest.mark.parametrize(
    ("scores", "answer"),
    [
        ([1, 2, 3, 4], 2.5),
        ([100, 1, 3, 2, -50], 2.0),  # five: one cut at each end, (1 + 2 + 3) / 3
        ([0, 0, 9], 3.0),  # three: nothing is cut
        ([8, 1, 2, 3, 4, 5, 6, 7], 4.5),  # eight: two at each end, (3 + 4 + 5 + 6) / 4
        ([[0, 10], [1, 11], [2, 12], [3, 13]], 6.5),  # both tasks together: 2 3 10 11
        ([7], 7.0),
    ],
)
def test_iqm_by_hand(scores, answer):
    assert iqm(scores) == answer


def test_optimality_gap_by_hand():
    assert optimality_gap([0.5, 1.0, 2.0, 0.9]) == pytest.approx((0.5 + 0.1) / 4)
    assert optimality_gap([0.5, 1.5], target=2.0) == pytest.approx(1.0)


def test_probability_of_improvement_by_hand():
    assert probability_of_improvement([3, 4], [1, 2]) == 1.0
    assert probability_of_improvement([1, 2], [1, 2]) == 0.5
    assert probability_of_improvement([1, 3], [2]) == 0.5
    assert probability_of_improvement([2, 2, 5], [2, 4]) == pytest.approx((0.5 + 0 + 0.5 + 0 + 1 + 1) / 6)
    assert probability_of_improvement([[1, 0], [1, 0]], [[0, 1], [0, 1]]) == 0.5


def test_probability_of_improvement_refuses_other_tasks():
    with pytest.raises(ValueError, match="X has 2 tasks, Y has 1"):
        probability_of_improvement([[1, 2]], [1, 2])


def test_performance_profile_by_hand():
    scores = [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0], [1.5, 0.2]]
    profile = performance_profile(scores, [-1.0, 0.0, 0.5, 1.0, 2.0])
    assert profile.tolist() == [1.0, 7 / 8, 5 / 8, 1 / 8, 0.0]


def test_bootstrap_of_two_runs_meets_the_exact_distribution():
    """Two runs 0 and 1: the resampled mean is 0, 1/2, 1 with weights 1/4, 1/2, 1/4, so 40 % lie within 1/2."""
    drawn = bootstrap([0.0, 1.0], n_resamples=4000, confidence=0.4)
    assert (drawn.value, drawn.low, drawn.high) == (0.5, 0.5, 0.5)
    wide = bootstrap([0.0, 1.0], n_resamples=4000, confidence=0.95)
    assert (wide.low, wide.high) == (0.0, 1.0)


def test_bootstrap_interval_of_the_iqm_meets_full_enumeration():
    """All 5^5 resamples of five runs, against 20,000 random ones."""
    runs = np.array([0.1, 0.4, 0.5, 0.7, 1.3])
    every = [iqm(runs[list(i)]) for i in itertools.product(range(5), repeat=5)]
    low, high = np.quantile(every, [0.025, 0.975])
    found = bootstrap(runs, n_resamples=20_000)
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)


def test_bootstrap_is_stratified():
    """Two tasks with no spread inside: drawing within tasks changes nothing, across them it would."""
    found = bootstrap([[0.0, 1.0]] * 4, np.mean)
    assert (found.low, found.value, found.high) == (0.5, 0.5, 0.5)


def test_any_statistic_and_the_fast_iqm_agree():
    scores = np.random.default_rng(0).normal(size=(6, 3))
    assert bootstrap(scores, n_resamples=200) == bootstrap(scores, lambda x: iqm(x), n_resamples=200)


def test_resamples_are_seeded_and_uniform():
    index = resample_indices(5, 2, 4000, seed=3)
    assert np.array_equal(index, resample_indices(5, 2, 4000, seed=3))
    assert not np.array_equal(index, resample_indices(5, 2, 4000, seed=4))
    assert np.bincount(index.ravel()).min() > 0.95 * index.size / 5


def test_interval_covers_the_truth_about_as_often_as_it_says():
    """Percentile intervals of ten runs are known to be a little narrow; far off would be a bug."""
    generator = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        found = bootstrap(generator.normal(1.0, 0.3, size=10), np.mean, n_resamples=200, seed=trial)
        hits += found.low <= 1.0 <= found.high
    assert 0.84 <= hits / 200 <= 0.98


def test_improvement_interval():
    clear = bootstrap_improvement([2, 3, 4], [0, 1], n_resamples=200)
    assert (clear.low, clear.value, clear.high) == (1.0, 1.0, 1.0)
    unclear = bootstrap_improvement([0.4, 0.6, 0.5], [0.45, 0.55, 0.5], n_resamples=500)
    assert unclear.low < 0.5 < unclear.high


def test_curve_is_the_estimate_at_each_point():
    curves = np.random.default_rng(1).normal(size=(5, 7))
    centre, low, high = bootstrap_curve(curves, n_resamples=300, seed=9)
    for k in range(7):
        one = bootstrap(curves[:, k], n_resamples=300, seed=9)
        assert (centre[k], low[k], high[k]) == pytest.approx((one.value, one.low, one.high))


def test_curve_in_chunks_equals_curve_at_once(monkeypatch):
    curves = np.random.default_rng(2).normal(size=(4, 2, 9))
    whole = bootstrap_curve(curves, n_resamples=50)
    monkeypatch.setattr("rlsuite.bench.statistics._CHUNK", 50 * 4 * 2 * 2)
    assert np.array_equal(whole, bootstrap_curve(curves, n_resamples=50))


@pytest.mark.parametrize("bad", [[], [[]], np.zeros((2, 2, 2))])
def test_empty_and_misshapen_scores_are_refused(bad):
    with pytest.raises(ValueError, match=r"must be \(n_runs,\)"):
        bootstrap(bad)


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        bootstrap([1.0, float("nan")])


def test_estimate_prints_short():
    assert str(bootstrap([1.0, 1.0])) == "1 [1, 1]"


finite = st.floats(-100, 100, allow_nan=False)


@settings(max_examples=50, deadline=None)
@given(arrays(float, st.tuples(st.integers(1, 9), st.integers(1, 3)), elements=finite), finite, st.floats(0.01, 10))
def test_iqm_moves_with_the_scores(scores, shift, scale):
    assert iqm(scores * scale + shift) == pytest.approx(iqm(scores) * scale + shift, abs=1e-6)
    assert scores.min() - 1e-9 <= iqm(scores) <= scores.max() + 1e-9


@settings(max_examples=50, deadline=None)
@given(arrays(float, st.integers(1, 6), elements=finite), arrays(float, st.integers(1, 6), elements=finite))
def test_improvement_of_one_is_the_others_shortfall(x, y):
    assert probability_of_improvement(x, y) == pytest.approx(1.0 - probability_of_improvement(y, x))
