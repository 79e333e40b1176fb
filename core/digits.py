"""Which digits of a figure say something, and which floats JSON has a word for."""

from __future__ import annotations

from math import floor, isfinite, log10

MOST_DECIMALS = 2


def rounded(value: float, half_width: float, sign: str = "-") -> str:
    """A figure with the digits that its interval carries: rounded where that has its first."""
    place = max(floor(log10(half_width)), -MOST_DECIMALS) if half_width > 0 else -MOST_DECIMALS
    return f"{round(value, -place):{sign},.{max(-place, 0)}f}"


def finite(value: float) -> float | None:
    """None for what JSON has no word for: NaN and the infinities."""
    return value if isfinite(value) else None
