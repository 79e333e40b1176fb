"""How figures read on the screen: separators, units, and a width that does not jump."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from eetui.core.curves.distance import Distance
from eetui.core.race.report import words
from eetui.core.text import CLOSE, OPEN

ABSENT = words.ABSENT


def count(value: float | None, width: int = 0) -> str:
    """A whole number with separators, right-aligned: ' 14,528'."""
    return (ABSENT if value is None else f"{value:,.0f}").rjust(width)


def step(value: int, width: int = 0) -> str:
    """A step in at most seven characters: '179,069', '1.25 M'."""
    if value < 1_000_000:
        return count(value, width)
    unit, name = (1e9, "G") if value >= 1e9 else (1e6, "M")
    return f"{value / unit:.2f} {name}".rjust(width)


def brief(value: int) -> str:
    """A whole number in at most four characters: '950', '12k', '1.2M'."""
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= unit:
            return f"{value / unit:.1f}{name}" if value < 9.95 * unit else f"{value // unit}{name}"
    return str(value)


def microseconds(value: float | None, width: int = 0) -> str:
    """Microseconds with a tenth where that still says something: '  83.1', ' 1,214'."""
    if value is None:
        return ABSENT.rjust(width)
    return (f"{value:.1f}" if value < 999.95 else f"{value:,.0f}").rjust(width)


def pace(value: float | None, width: int = 0) -> str:
    """Microseconds over six orders of magnitude: '0.93', '31.0', '49,000'."""
    if value is None or value >= 9.995:
        return microseconds(value, width)
    return f"{value:.2f}".rjust(width)


def speedup(value: float | None, width: int = 0) -> str:
    """A factor with three digits or as a whole number: '2.78×', '11.4×', '16,333×'."""
    return words.speedup(value).rjust(width)


def nats(value: float | None, width: int = 0) -> str:
    """A loss: '2.081', and '5.6e+06' in a run that is about to diverge."""
    if value is None:
        return ABSENT.rjust(width)
    return (f"{value:.3f}" if abs(value) < 100 else f"{value:.3g}").rjust(width)


def percent(value: float | None, width: int = 0) -> str:
    """Per cent with a tenth: '43.2 %'."""
    return (ABSENT if value is None else f"{value:.1f} %").rjust(width)


def share(part: float | None, of: int) -> str:
    """A share of `of` things in whole per cent, of steady width: ' 62 %'; None is not known."""
    return (f"{100 * part:.0f} %" if of and part is not None else ABSENT).rjust(5)


def apart(distance: Distance | None) -> str:
    """How far a run is from its ghost: '0.021 nats lower (0.015 to 0.027)'."""
    if distance is None:
        return "too early to tell"
    low, high = distance.low, distance.high
    if not distance.differs:
        return f"no difference found ({low:+.3f} to {high:+.3f} nats)"
    word = "lower" if high < 0 else "higher"
    near, far = sorted((abs(low), abs(high)))
    return f"this run {nats(abs(distance.nats))} nats {word} ({nats(near)} to {nats(far)})"


def rate(value: float, width: int = 0) -> str:
    """A learning rate: '0.00420'."""
    return f"{value:.5f}".rjust(width)


def seconds(value: float, decimals: int) -> str:
    """A duration on an axis: '12 s', '0.25 s'."""
    return f"{value:,.{decimals}f} s"


def fixed(value: float, decimals: int) -> str:
    """A figure on an axis: '1,200', '2.125'."""
    return f"{value:,.{decimals}f}"


def duration(value: float | None, width: int = 0) -> str:
    """A duration in the unit that suits it, three digits: '48.3 us', '70.2 ms', '3.02 s'."""
    if value is None:
        return ABSENT.rjust(width)
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if value >= 0.9995 * unit:
            return f"{value / unit:,.3g} {name}".rjust(width)
    return f"{value / 1e-6:.3g} us".rjust(width)


def elapsed(seconds: float) -> str:
    """A stretch of time as on a watch: '0:42', '12:40', '3:05:12', '2 d 3 h'."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    if hours >= 48:
        return f"{hours // 24:,} d {hours % 24} h"
    minutes = f"{rest // 60:02}" if hours else f"{rest // 60}"
    return f"{hours}:{minutes}:{rest % 60:02}" if hours else f"{minutes}:{rest % 60:02}"


def moved(distance: float) -> str:
    """A relative distance by its order of magnitude: 'moved by 2e-07', 'unchanged'."""
    return f"moved by {distance:.0e}" if distance else "unchanged"


def clip(text: str, width: int) -> str:
    """At most `width` columns of a text, the last an ellipsis where something was cut."""
    if cell_len(text) <= width:
        return text
    body = text.removeprefix(OPEN).removesuffix(CLOSE)
    shown = set_cell_size(body, max(width - 1, 0)) + "…" * (width > 0)
    return shown if body == text else f"{OPEN}{shown}{CLOSE}"  # right to left, and cut anyway


def pad(text: str, width: int) -> str:
    """A text with blanks behind it up to `width` columns: a character may take two, or none."""
    return text + " " * (width - cell_len(text))


def wrapped(parts: Iterable[str], width: int) -> list[str]:
    """Parts with gaps between them, in lines of at most `width` characters where they fit."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] += f"   {part}"
        else:
            lines.append(clip(part, width))
    return lines
