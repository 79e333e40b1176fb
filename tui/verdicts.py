"""A verdict in words: no digit that its interval does not carry."""

from __future__ import annotations

from eetui.core.digits import rounded
from eetui.core.verdict import Verdict

COARSE = 9.5
"""Half-width in per cent from which on a figure is only about right."""
UNDECIDED = "no difference found"


def finding(verdict: Verdict) -> str:
    """What was found so far: '-34.1 % ± 0.5', 'about -30 %', 'no difference found (± 0.4 %)'."""
    if not verdict.has_interval:
        return "too few pairs to tell"
    if not verdict.differs:
        reach = max(abs(verdict.low), abs(verdict.high))
        return f"{UNDECIDED} (± {rounded(reach, reach)} %)"
    change = rounded(verdict.estimate, verdict.half_width, sign="+")
    if verdict.half_width >= COARSE:
        return f"about {change} %"
    return f"{change} % ± {rounded(verdict.half_width, verdict.half_width)}"


def brief(verdict: Verdict, width: int) -> str:
    """As much of the finding as there is room for; '' where that is nothing."""
    if not verdict.has_interval:
        return ""
    words: tuple[str, ...]
    if verdict.differs:
        whole = finding(verdict)
        words = (whole, whole.removeprefix("about "), whole.partition(" ±")[0])
    else:
        reach = max(abs(verdict.low), abs(verdict.high))
        words = (f"none ± {rounded(reach, reach)} %", "none")
    return next((text for text in words if len(text) <= width), "")


def count(verdict: Verdict) -> str:
    """What it rests on: '61 pairs', '16 seeds'."""
    return f"{verdict.pairs:,} {'seeds' if verdict.metric == 'loss' else 'pairs'}"
