"""How a speed-up reads, in reports and on the screen alike."""

from __future__ import annotations

ABSENT = "–"


def speedup(value: float | None) -> str:
    """A factor with three digits or as a whole number: '2.78×', '11.4×', '16,333×'."""
    if value is None:
        return ABSENT
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{decimals}f}×"
