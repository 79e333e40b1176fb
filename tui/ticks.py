"""Where the ticks of an axis lie and how they read: round numbers, labels of a steady width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MOST_DECIMALS = 6

Reads = Callable[[float, int], str]
"""A position in words, with so many decimals."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """An axis from `lower` to `upper` with labelled positions."""

    lower: float
    upper: float
    positions: tuple[float, ...]
    labels: tuple[str, ...]

    @property
    def span(self) -> tuple[float, float]:
        """From where to where the axis goes."""
        return self.lower, self.upper


def linear(lower: float, upper: float, count: int, label: Reads, fit: bool = False) -> Ticks:
    """At most about `count` ticks at multiples of a round step; `fit` widens to whole half steps.

    A widened axis stays still while its data grows, then moves once.
    """
    span = max(upper - lower, 1e-9 * max(abs(upper), 1.0))
    step = round_up(span / max(count, 1))
    if fit:
        half = step / 2
        lower, upper = floor(lower / half + 1e-9) * half, ceil(upper / half - 1e-9) * half
        upper = max(upper, lower + half)
    first, last = ceil(lower / step - 1e-9), floor(upper / step + 1e-9)
    positions = tuple(i * step for i in range(first, last + 1))
    return Ticks(lower, upper, positions, _labels(positions, label))


def logarithmic(lower: float, upper: float, count: int, label: Reads) -> Ticks:
    """Ticks at 1, 2 and 5 times powers of ten, or a linear axis' ticks if few of them fit."""
    decades = range(floor(log10(lower)), ceil(log10(upper)) + 1)
    choices = [
        [m * 10.0**d for d in decades for m in digits if lower <= m * 10.0**d <= upper]
        for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))
    ]
    fitting = [c for c in choices if 2 <= len(c) <= count + 1]
    if not fitting:
        plain = linear(lower, upper, count, label)
        return Ticks(lower, upper, plain.positions, plain.labels)
    positions = fitting[-1]
    return Ticks(lower, upper, tuple(positions), _labels(positions, label))


def _labels(positions: Sequence[float], label: Reads) -> tuple[str, ...]:
    n = decimals(positions)
    return tuple(label(p, n) for p in positions)


def decimals(positions: Sequence[float]) -> int:
    """The decimals that it takes to write all of the positions as they are: 3 for 2.1 and 2.125."""
    largest = max((abs(p) for p in positions), default=0.0)
    return next(
        (
            n
            for n in range(_MOST_DECIMALS)
            if all(abs(round(p, n) - p) <= 1e-9 * largest for p in positions)
        ),
        _MOST_DECIMALS,
    )


def round_up(value: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is at least `value`."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in _STEPS if step * power >= value * (1 - 1e-9))


def decade(value: float) -> float:
    """The power of ten at or below `value`, which is positive."""
    return float(10.0 ** floor(log10(value) + 1e-9))
