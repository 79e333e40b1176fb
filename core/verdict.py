"""What a paired comparison says and how sure it is: statistics alone, nothing here runs or waits.

A pair is a log ratio: how much longer the one arm took than the other, measured side by side. The
estimate is the median of the pairs. The interval inverts Wilcoxon's signed-rank test: its ends are
order statistics of the means of all pairs of pairs (Walsh averages), as in Hollander, Wolfe and
Chicken, Nonparametric Statistical Methods, 3.3. It asks of the noise only that a pair is as likely
to err upwards as downwards. The measurement sees to that: which arm takes the outer places of a
pair is drawn by lot, so whatever the machine does, drift and bursts that last for many pairs
included, is as likely to count for the one arm as for the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, floor, inf, isfinite, sqrt
from typing import Literal

import numpy as np

from eetui.core.clocks import ClockName

Metric = Literal["time", "loss"]

ERROR = 0.02
"""How often a single interval may miss the truth. A measurement that looks at its interval again
and again and stops when that is narrow misses more often than one look does; with this the whole
of it covers the truth in 95 % and more (tests/core/measure/test_comparison.py simulates it)."""
NORMAL_QUANTILE = 2.3263
"""That of the standard normal distribution at 1 - ERROR / 2."""
EXACT_UP_TO = 40
"""Pairs up to which the signed-rank distribution is computed; the normal one is as good above."""
LEAST_PAIRS = 8
"""With fewer, no interval is finite, or it is the whole range of the pairs."""


_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16)
"""Student's t at 97.5 % for 1, 2, ... degrees of freedom."""
_T_BEYOND = 2.145
"""For 14 degrees of freedom; it is no larger for more, so an interval is wide enough."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What replacing a by b changes, in per cent of a: -34.0 is a third less.

    low, high: the ends of a distribution-free 95 % interval; infinite with too few pairs. pairs:
    how many there are. seconds: what the measurement took, by the wall clock. clock: which one
    the pairs were timed with; for a loss, the one that ended the runs. typical_a, typical_b: the
    medians of the arms themselves, microseconds a sample or nats. difference: of a loss, b - a with
    the ends of its interval, nats. settled: whether the interval is as narrow as was asked for.
    over: whether the measurement has ended.
    """

    metric: Metric
    estimate: float
    low: float
    high: float
    pairs: int
    seconds: float
    clock: ClockName
    typical_a: float
    typical_b: float
    difference: tuple[float, float, float] | None = None
    settled: bool = False
    over: bool = False

    @property
    def half_width(self) -> float:
        """Half of the interval, in per cent of a."""
        return (self.high - self.low) / 2

    @property
    def has_interval(self) -> bool:
        """Whether there were enough pairs for one."""
        return isfinite(self.half_width)

    @property
    def differs(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    @property
    def words(self) -> str:
        """What can be said of b: faster, slower, lower loss, higher loss, no difference found."""
        if not self.differs:
            return "no difference found"
        if self.metric == "loss":
            return "lower loss" if self.high < 0 else "higher loss"
        return "faster" if self.high < 0 else "slower"


def student_t(freedom: int) -> float:
    """Student's t at 97.5 % for so many degrees of freedom, or a little more: half the width of a
    95 % interval for a mean, in standard errors. That with a single one below 1."""
    return _T[max(freedom, 1) - 1] if freedom <= len(_T) else _T_BEYOND


def percent(log_ratio: float) -> float:
    """A log ratio as a change in per cent."""
    return 100 * (exp(log_ratio) - 1)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """A distribution-free interval for the centre of `values`, which holds their median.

    Infinite on both sides if there are too few of them to say anything.
    """
    n = len(values)
    place = rank(n)
    if place == 0:
        return -inf, inf
    x = np.asarray(values, np.float64)
    i, j = np.triu_indices(n)
    averages = (x[i] + x[j]) / 2
    ends = np.partition(averages, (place - 1, len(averages) - place))
    centre = float(np.median(x))
    low, high = float(ends[place - 1]), float(ends[len(averages) - place])
    return min(low, centre), max(high, centre)


@lru_cache
def rank(n: int) -> int:
    """The place from the bottom, and from the top, of the Walsh averages that end the interval.

    It is the most that keeps P(signed-rank sum < rank) at half of ERROR or below; 0 if none does.
    """
    if n > EXACT_UP_TO:
        mean, variance = n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24
        return floor(mean - NORMAL_QUANTILE * sqrt(variance))
    chances = np.zeros(n * (n + 1) // 2 + 1)
    chances[0] = 1.0
    for rank in range(1, n + 1):
        moved = np.zeros_like(chances)
        moved[rank:] = chances[: len(chances) - rank]
        chances = (chances + moved) / 2
    return int(np.searchsorted(np.cumsum(chances), ERROR / 2, side="right"))
