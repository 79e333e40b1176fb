"""A climb drawn as bars of characters, each with a role; its caller gives the roles colours.

Bars are the microseconds a step on a logarithmic scale, so that twice as fast is the same length
anywhere. What a rung saves is hatched behind its bar, and a faint mark says where it would end with
the gain that EEmicroGPT's author reports on an Apple M5.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby
from math import log

from eetui.core.digits import finite, rounded
from eetui.core.measure.ladder import Gain, Ladder, Rung
from eetui.tui import figures

FULL, SAVED, COST, MARK = "█", "░", "▓", "╎"
EIGHTHS = " ▏▎▍▌▋▊▉"
SHORTEST = 0.12
"""Length of the shortest bar, as a share of the range between the shortest and the longest."""


class BarRole(Enum):
    """What a part of a bar means."""

    BLANK = auto()
    TIME = auto()
    SAVED = auto()
    COST = auto()
    MARK = auto()


Stretch = tuple[str, BarRole]


@dataclass(frozen=True, slots=True)
class Scale:
    """Microseconds to columns, logarithmically: `low` at 0, `high` at `width`."""

    low: float
    high: float
    width: int

    def column(self, us: float) -> float:
        """Where `us` lies, from 0 to the width."""
        share = log(us / self.low) / log(self.high / self.low) if self.high > self.low else 1.0
        return self.width * min(max(share, 0.0), 1.0)


def scale(ladder: Ladder, width: int) -> Scale:
    """The scale on which all rungs of a climb can be compared."""
    times = [rung.us for rung in ladder.climbed if rung.us is not None] or [1.0]
    if ladder.doing and ladder.quickest is not None:  # the top is still to come
        times.append(ladder.quickest)
    low, high = min(times), max(times)
    return Scale(low * (low / high) ** SHORTEST, high, width)


def bar(rung: Rung, on: Scale) -> list[Stretch]:
    """The bar of a rung that has been measured, exactly as wide as the scale."""
    us = rung.us
    if us is None:
        return [(" " * on.width, BarRole.BLANK)]
    gain = rung.gain.estimate if rung.gain is not None and rung.gain.is_some else 0.0
    below = us / (1 - gain / 100)
    end, other = on.column(min(us, below)), round(on.column(max(us, below)))
    behind = (SAVED, BarRole.SAVED) if below > us else (COST, BarRole.COST)
    cells: list[Stretch] = [(FULL, BarRole.TIME)] * round(end) + [behind] * (other - round(end))
    if other == round(end):  # with nothing behind it, the bar can end within a cell
        eighths = round(8 * end)
        cells = [(FULL, BarRole.TIME)] * (eighths // 8)
        cells += [(EIGHTHS[eighths % 8], BarRole.TIME)] if eighths % 8 else []
    cells += [(" ", BarRole.BLANK)] * (on.width - len(cells))
    if rung.m5_gain is not None and rung.gain is not None:
        at = int(on.column(below * (1 - rung.m5_gain / 100)))
        cells[min(at, on.width - 1)] = (MARK, BarRole.MARK)
    return [
        ("".join(text for text, _ in run), role)
        for role, run in groupby(cells[: on.width], key=lambda cell: cell[1])
    ]


def label(rung: Rung) -> str:
    """The name of a rung; one that is aside is drawn as a branch of the rung below it."""
    return f"└ {rung.label}" if rung.aside else rung.label


def gain(told: Gain | None) -> str:
    """What a rung saves: '54.3 %', 'none' if its interval holds zero, '?' if the pairs disagree."""
    if told is None:
        return ""
    if not told.is_known:
        return "?"
    return f"{rounded(told.estimate, told.spread)} %" if told.is_some else "none"


def spread(told: Gain | None) -> str:
    """How far to either side the interval reaches: '±1.2 %'."""
    if told is None or finite(told.spread) is None:
        return ""
    return f"±{rounded(told.spread, told.spread)} %"


def alone(told: Gain | None) -> str:
    """What is lost without a rung, in one piece: '54.3 ±0.5 %'."""
    if told is None or not told.is_known:
        return gain(told)
    return f"{gain(told).removesuffix(' %')} {spread(told)}"


def factor(ladder: Ladder, rung: Rung) -> str:
    """How many times faster than the bottom: '2.20×', '96.4×', '102×'."""
    return figures.speedup(ladder.factor(rung)) if rung.us is not None else ""


def on_m5(rung: Rung) -> str:
    """The author's gain on an Apple M5: '34 %'."""
    return "" if rung.m5_gain is None else f"{rung.m5_gain:.0f} %"


def disturbed(ladder: Ladder) -> str:
    """A warning where rungs have no figure because their pairs disagree, else ''."""
    n = sum(
        told is not None and not told.is_known
        for rung in ladder.rungs
        for told in (rung.gain, rung.alone)
    )
    if not n:
        return ""
    return f"? at {n}: the pairs disagree, something else uses the core."


def together(ladder: Ladder) -> str:
    """What all rungs make in a sentence with its interval, or '' before that was measured."""
    told, highest = ladder.together, ladder.highest
    if told is None or highest is None:
        return ""
    if not told.is_known:
        return "together ?"
    low, middle, high = (
        figures.speedup(1 / (1 - saved / 100)) for saved in (told.low, told.estimate, told.high)
    )
    return (
        f"{middle} together ({low} to {high}), {figures.microseconds(ladder.rungs[0].us)} → "
        f"{figures.microseconds(highest.us)} us/step"
    )


def about(ladder: Ladder) -> tuple[str, str]:
    """What is climbed: the engine, and the model's shape."""
    model = ladder.model
    shape = f"d_model {model.d_model}, {model.n_heads} heads, batch {ladder.batch}"
    return f"{ladder.engine} {ladder.isa}", shape
