import numpy as np
import pytest

from rlsuite.bench.statistics import iqm
from rlsuite.plots.curves import FirstPassage, aggregate, first_passage, share_solved


def line(slope, end, start=0.0):
    x = np.linspace(start, end, 11)
    return x, slope * x


def test_aggregate_is_the_iqm_of_the_curves_at_each_point():
    both = aggregate([line(s, 100.0) for s in (1, 2, 3, 4, 100)], n_points=11)
    assert both.value == pytest.approx(3.0 * both.x)
    assert (both.n_runs == 5).all()
    assert (both.low <= both.value).all()
    assert (both.value <= both.high).all()
    assert both.high[-1] > both.low[-1]


def test_runs_that_end_early_leave_the_aggregate_where_they_end():
    both = aggregate([line(1, 100.0), line(1, 100.0), line(7, 50.0)], n_points=21)
    until = both.x <= 50.0
    assert (both.n_runs[until] == 3).all()
    assert (both.n_runs[~until] == 2).all()
    assert both.value[~until] == pytest.approx(both.x[~until])
    assert both.value[until] == pytest.approx([iqm([x, x, 7 * x]) for x in both.x[until]])


def test_nothing_is_made_up_before_the_last_run_begins():
    both = aggregate([line(1, 100.0), line(1, 100.0, start=40.0)])
    assert both.x[0] == 40.0


def test_a_single_point_run_is_fine():
    both = aggregate([(np.array([10.0]), np.array([3.0])), (np.array([10.0]), np.array([5.0]))])
    assert both.x.tolist() == [10.0]
    assert both.value.tolist() == [4.0]


def test_first_passage_is_the_first_point_that_reaches():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([0.2, 0.95, 0.5])
    assert first_passage(x, y, 0.95) == FirstPassage(2.0, True)
    assert first_passage(x, y, 0.96) == FirstPassage(3.0, False)


def test_share_solved_by_hand():
    """Four runs, one leaves unsolved at 15: 1/4 at 10; then of the two left 1/2 each: 1 - 3/4 * 1/2, then all."""
    passages = [FirstPassage(10, True), FirstPassage(15, False), FirstPassage(20, True), FirstPassage(30, True)]
    x, share = share_solved(passages)
    assert x.tolist() == [0, 10, 20, 30]
    assert share == pytest.approx([0, 0.25, 0.625, 1.0])


def test_share_solved_with_ties_and_with_none():
    _, share = share_solved([FirstPassage(5, True), FirstPassage(5, True), FirstPassage(5, False)])
    assert share == pytest.approx([0, 2 / 3])
    assert share_solved([FirstPassage(5, False)])[1].tolist() == [0.0]
