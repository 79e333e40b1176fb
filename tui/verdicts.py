"""A verdict in words: no digit that its interval does not carry."""

from __future__ import annotations

from math import floor, isfinite, log10

from eetui.core.measure.verdict import Verdict

MOST_DECIMALS = 2
UNDECIDED = "no difference found"


def finding(verdict: Verdict) -> str:
    """What was found so far: '-34.1 % ± 0.5', 'about -30 %', 'no difference found (± 0.4 %)'."""
    if not isfinite(verdict.half_width):
        return "too few pairs to tell"
    if not verdict.differs:
        within = max(abs(verdict.low), abs(verdict.high))
        return f"{UNDECIDED} (± {_rounded(within, _place(within))} %)"
    width = verdict.half_width
    place = _place(width)
    if place > 0:
        return f"about {_rounded(verdict.estimate, place, '+')} %"
    return f"{_rounded(verdict.estimate, place, '+')} % ± {_rounded(width, place)}"


def count(verdict: Verdict) -> str:
    """What it rests on: '61 pairs', '16 seeds'."""
    return f"{verdict.pairs:,} {'seeds' if verdict.metric == 'loss' else 'pairs'}"


def _place(width: float) -> int:
    """The power of ten of the first digit of a half-width, at which figures are rounded."""
    return max(floor(log10(width)), -MOST_DECIMALS) if width > 0 else -MOST_DECIMALS


def _rounded(value: float, place: int, sign: str = "-") -> str:
    return f"{round(value, -place):{sign},.{max(-place, 0)}f}"
