"""A verdict in words: what is not known is not said."""

from __future__ import annotations

from math import inf

import pytest

from eetui.core.verdict import Verdict
from eetui.tui import verdicts


def verdict(low: float, high: float, metric="time") -> Verdict:
    return Verdict(metric, (low + high) / 2, low, high, 61, 1.0, "cpu", 1.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-34.6, -33.6, "-34.1 % ± 0.5"),
        (-45.0, -21.0, "about -30 %"),
        (-37.5, -31.5, "-34 % ± 3"),
        (148.2, 152.1, "+150 % ± 2"),
        (0.9, 1.4, "+1.1 % ± 0.2"),
        (-34.12, -34.06, "-34.09 % ± 0.03"),
        (-0.4, 0.2, "no difference found (± 0.4 %)"),
        (-3.0, 2.0, "no difference found (± 3 %)"),
        (-100.0, inf, "too few pairs to tell"),
    ],
)
def test_no_digit_that_the_interval_does_not_carry(low, high, words):
    assert verdicts.finding(verdict(low, high)) == words


def test_what_it_rests_on():
    assert verdicts.count(verdict(-1, 1)) == "61 pairs"
    assert verdicts.count(verdict(-1, 1, "loss")) == "61 seeds"
