"""A curve in a few characters, and how long ago something was."""

from __future__ import annotations

from collections.abc import Sequence

LEVELS = "▁▂▃▄▅▆▇█"
UNITS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def sparkline(values: Sequence[float]) -> str:
    """A character a value, the lowest at the bottom."""
    if not values:
        return ""
    low, high = min(values), max(values)
    scale = (len(LEVELS) - 1) / (high - low) if high > low else 0.0
    return "".join(LEVELS[round((value - low) * scale)] for value in values)


def age(seconds: float) -> str:
    """In the unit that suits it: '12 s', '3 min', '5 h', '40 d'."""
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return "0 s"
