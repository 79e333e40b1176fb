"""A verdict in words: no digit that its interval does not carry."""

from __future__ import annotations

from math import floor, isfinite, log10

from eetui.core.verdict import Verdict

MOST_DECIMALS = 2
COARSE = 9.5
"""Half-width in per cent from which on a figure is only about right."""
UNDECIDED = "no difference found"


def finding(verdict: Verdict) -> str:
    """What was found so far: '-34.1 % ± 0.5', 'about -30 %', 'no difference found (± 0.4 %)'."""
    if not isfinite(verdict.half_width):
        return "too few pairs to tell"
    if not verdict.differs:
        within = max(abs(verdict.low), abs(verdict.high))
        return f"{UNDECIDED} (± {rounded(within, within)} %)"
    change = rounded(verdict.estimate, verdict.half_width, sign="+")
    if verdict.half_width >= COARSE:
        return f"about {change} %"
    return f"{change} % ± {rounded(verdict.half_width, verdict.half_width)}"


def brief(verdict: Verdict, width: int) -> str:
    """As much of the finding as there is room for; '' where that is nothing."""
    if not isfinite(verdict.half_width):
        return ""
    words: tuple[str, ...]
    if verdict.differs:
        whole = finding(verdict)
        words = (whole, whole.removeprefix("about "), whole.partition(" ±")[0])
    else:
        within = max(abs(verdict.low), abs(verdict.high))
        words = (f"none ± {rounded(within, within)} %", "none")
    return next((text for text in words if len(text) <= width), "")


def count(verdict: Verdict) -> str:
    """What it rests on: '61 pairs', '16 seeds'."""
    return f"{verdict.pairs:,} {'seeds' if verdict.metric == 'loss' else 'pairs'}"


def rounded(value: float, half_width: float, sign: str = "-") -> str:
    """A figure with the digits that its interval carries: rounded where that has its first."""
    place = max(floor(log10(half_width)), -MOST_DECIMALS) if half_width > 0 else -MOST_DECIMALS
    return f"{round(value, -place):{sign},.{max(-place, 0)}f}"
