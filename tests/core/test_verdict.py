"""The statistics alone: the interval's ranks, its coverage, what a verdict claims."""

from __future__ import annotations

from itertools import product
from math import gamma, inf, pi, sqrt

import numpy as np
import pytest

from eetui.core import verdict
from eetui.core.verdict import ERROR, LEAST_PAIRS, Verdict, interval, percent


def told(low: float, high: float, metric="time") -> Verdict:
    return Verdict(metric, (low + high) / 2, low, high, 20, 1.0, "cpu", 1.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "time", "loss"),
    [
        (-35.0, -33.0, "faster", "lower loss"),
        (1.0, 2.0, "slower", "higher loss"),
        (-1.0, 0.5, "no difference found", "no difference found"),
        (0.0, 0.5, "no difference found", "no difference found"),
        (-100.0, inf, "no difference found", "no difference found"),
    ],
)
def test_words_follow_from_the_interval(low, high, time, loss):
    assert told(low, high).words == time
    assert told(low, high, "loss").words == loss


def test_per_cent_of_a_log_ratio():
    assert percent(0.0) == 0.0
    assert percent(np.log(0.66)) == pytest.approx(-34.0)
    assert (percent(-inf), percent(inf)) == (-100.0, inf)


def test_too_few_pairs_have_no_interval():
    assert interval([0.1] * (LEAST_PAIRS - 2)) == (-inf, inf)
    low, high = interval([0.1] * LEAST_PAIRS)
    assert low == high == 0.1


@pytest.mark.parametrize("n", [8, 9, 11])
def test_the_interval_inverts_the_signed_rank_test(n):
    """All 2^n signs of the same distances: the interval leaves out zero in at most ERROR of them,
    and would in more if it ended one average further in."""
    distances = np.arange(1.0, n + 1) ** 1.3
    out = sum(
        not low <= 0 <= high
        for signs in product((-1, 1), repeat=n)
        for low, high in [interval((distances * signs).tolist())]
    )
    assert out / 2**n <= ERROR
    averages = n * (n + 1) // 2
    wider = sum(
        (np.sort(_walsh(distances * signs))[[verdict.rank(n), averages - 1 - verdict.rank(n)]]
         * [1, -1] > 0).any()
        for signs in product((-1, 1), repeat=n)
    )  # fmt: skip
    assert wider / 2**n > ERROR


def _walsh(x: np.ndarray) -> np.ndarray:
    i, j = np.triu_indices(len(x))
    return (x[i] + x[j]) / 2


def test_the_normal_ranks_go_on_where_the_exact_ones_end():
    exact = [verdict.rank(n) for n in range(LEAST_PAIRS, verdict.EXACT_UP_TO + 1)]
    above = [verdict.rank(n) for n in range(verdict.EXACT_UP_TO + 1, 60)]
    assert exact[0] >= 1
    steps = np.diff([*exact, *above])
    assert (steps > 0).all()
    assert np.abs(np.diff(steps)).max() <= 4  # the normal ones are lower by two or three


def test_the_interval_holds_the_median():
    rng = np.random.default_rng(0)
    for _ in range(200):
        values = rng.exponential(size=12) ** 3
        low, high = interval(values.tolist())
        assert low <= np.median(values) <= high


def test_students_t_is_the_quantile_that_it_says():
    """By integrating the density; from 15 degrees of freedom on, it is a little too wide."""
    x = np.linspace(0.0, 20.0, 200_001)
    for freedom in range(1, 15):
        scale = gamma((freedom + 1) / 2) / (sqrt(freedom * pi) * gamma(freedom / 2))
        density = scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
        mass = (np.cumsum(density) - (density[0] + density) / 2) * x[1]
        exact = np.interp(0.475, mass, x)
        assert verdict.student_t(freedom) == pytest.approx(exact, rel=5e-4)
    assert verdict.student_t(15) == verdict.student_t(10_000) == verdict.student_t(14)
    assert verdict.student_t(0) == verdict.student_t(1)


def test_a_verdict_is_neither_settled_nor_over_until_it_is_said():
    found = told(-1.0, 1.0)
    assert (found.settled, found.over, found.difference) == (False, False, None)
