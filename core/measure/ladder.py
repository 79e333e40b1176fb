"""The rungs of the climb from everything off to everything on: each adds one thing to the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eetui.core.clocks import ClockName
from eetui.core.config import ModelConfig
from eetui.core.engines.availability import judge
from eetui.core.engines.base import Engine
from eetui.core.engines.presets import everything_off
from eetui.core.optimizations import Optimizations, Value, find_optimization

RUNGS: tuple[tuple[str, Value], ...] = (
    # What need not be computed at all comes before how to compute the rest.
    ("padding_skip", True),
    # Then the order in which the work is done: use a weight often once it has been loaded.
    ("work_order", "batch"),
    ("products", "tiles"),
    # Work in that order is what wide registers can take in.
    ("vector_width", 4),
    ("vector_width", 8),
    ("vector_width", 16),
    # With the products fast, what is left weighs more.
    ("adam", "vector"),
    ("fast_exp", True),
    ("fused", True),
    ("flush_denormals", True),
    # Less work again, by what is known about the model and about the gradient's way.
    ("prefix_sharing", True),
    ("adam", "fused"),
    ("products", "outer"),
    ("products", "sme2"),
    ("products", "amx-split"),
    ("products", "amx"),
    ("products", "bf16"),
)
"""The rungs from the bottom up. It starts at the slowest value of everything: documents one after
another, padding and all, row by row, a number at a time, with the library's exp."""

ASIDE = frozenset({("products", "outer")})
"""Rungs beside the way: compared with the rung below, and left out of the rungs above."""

NOT_CLIMBED = {"threads": "The ladder stays on one core: more threads are more hardware."}
"""What has a reason instead of rungs. What changes what is learned is not on the ladder at all: it
climbs to the same steps in less time."""

START = "everything off"


@dataclass(frozen=True, slots=True)
class Gain:
    """What one thing saves, in per cent of the time without it, with its 95 % interval.

    Negative if it costs. is_known: whether the pairs agreed well enough for a figure.
    """

    estimate: float
    low: float
    high: float
    pairs: int
    is_known: bool

    @property
    def is_some(self) -> bool:
        """Whether the interval leaves out zero, so that there is a gain or a cost to speak of."""
        return self.is_known and (self.low > 0 or self.high < 0)

    @property
    def spread(self) -> float:
        """Half of the interval."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the climb.

    key and value: what it sets beyond the rung below ('' and None at the bottom). us: median of
    its blocks in microseconds a step, None until measured. gain: what it saves of the rung below,
    measured beside it. alone: what it saves of everything on, where it alone is taken away; None
    where that was not measured. m5_gain: what EEmicroGPT's author reports for it on an Apple M5,
    in per cent as well. aside: another way to do what the rung below does, which the rungs above
    do not build on. reason: why it cannot be climbed here, or ''.
    """

    key: str
    value: Value | None
    label: str
    optimizations: Optimizations | None
    reason: str = ""
    m5_gain: float | None = None
    aside: bool = False
    us: float | None = None
    gain: Gain | None = None
    alone: Gain | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """How far a climb has come.

    clock: which one the times are by. together: what all rungs save together, measured from the
    bottom to the top directly. progress: 0 to 1. doing: what is being done, '' at the end.
    quickest: microseconds a step of the quickest rung when all were tried, so that bars can be
    drawn to scale before it is measured.
    """

    engine: str
    isa: str
    model: ModelConfig
    batch: int
    data: str
    seed: int
    pinned: dict[str, str]
    rounds: int
    rungs: tuple[Rung, ...]
    clock: ClockName = "cpu"
    together: Gain | None = None
    is_ablated: bool = False
    round: int = 0
    progress: float = 0.0
    doing: str = ""
    quickest: float | None = None

    @property
    def climbed(self) -> tuple[Rung, ...]:
        """The rungs that have been measured, from the bottom up."""
        return tuple(rung for rung in self.rungs if rung.us is not None)

    def factor(self, rung: Rung) -> float | None:
        """How many times faster than the bottom a rung is; None until both are measured."""
        bottom = self.rungs[0].us
        return None if bottom is None or rung.us is None else bottom / rung.us

    @property
    def top(self) -> Optimizations:
        """Everything on, as far as this engine and CPU can."""
        return top(self.rungs)

    @property
    def highest(self) -> Rung | None:
        """The highest rung that has been measured, those aside left out."""
        return next((rung for rung in reversed(self.climbed) if not rung.aside), None)

    @property
    def impossible(self) -> tuple[Rung, ...]:
        """The rungs that this engine or CPU does not have."""
        return tuple(rung for rung in self.rungs if rung.reason)


def plan(engine: Engine, pinned: Mapping[str, Value] | None = None) -> tuple[Rung, ...]:
    """The rungs of an engine on this machine; `pinned` toggles keep their value on all of them."""
    fixed = dict(pinned or {})
    now = everything_off(engine)
    for key, value in fixed.items():
        now = now.with_value(key, value)
    lowest = now
    rungs = [Rung("", None, START, now)]
    told = set(fixed)
    for key, value in RUNGS:
        entry = find_optimization(key)
        alone = judge(engine, entry)
        if key in told or (value == getattr(lowest, key) and len(alone.values) > 1):
            continue
        if len(alone.values) < 2:
            told.add(key)
            rungs.append(Rung(key, None, entry.name, None, alone.reason, entry.m5_gain))
            continue
        label = entry.name if value is True else f"{entry.name}: {entry.label(value)}"
        reason = judge(engine, entry, now).why_not[value]
        aside = (key, value) in ASIDE
        here = now if reason else now.with_value(key, value)
        way = None if reason else here
        rungs.append(Rung(key, value, label, way, reason, entry.m5_gain_of(value), aside))
        now = now if aside else here
    for key, reason in NOT_CLIMBED.items():
        if key not in fixed:
            rungs.append(Rung(key, None, find_optimization(key).name, None, reason))
    return tuple(rungs)


def top(rungs: tuple[Rung, ...]) -> Optimizations:
    """The way of the highest rung, those aside left out."""
    ways = (rung.optimizations for rung in reversed(rungs) if not rung.aside)
    return next(way for way in ways if way is not None)


def without(rung: Rung, rungs: tuple[Rung, ...]) -> Optimizations | None:
    """Everything on, but the toggle of this rung as it was on the rung below; None for a rung
    that everything on has left behind, or that stands aside."""
    highest = top(rungs)
    if rung.optimizations is None or not rung.key or rung.aside:
        return None
    if getattr(highest, rung.key) != rung.value:
        return None
    ways = [r.optimizations for r in rungs if r.optimizations is not None and not r.aside]
    below = ways[ways.index(rung.optimizations) - 1]
    return highest.with_value(rung.key, getattr(below, rung.key))
