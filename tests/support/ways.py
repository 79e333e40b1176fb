"""The ways in which an engine can be set on this machine."""

from __future__ import annotations

import random

from eetui.core.engines.availability import judge
from eetui.core.engines.base import Engine
from eetui.core.optimizations import CATALOGUE, Optimizations, Value, find_optimization


def values(engine: Engine, key: str) -> tuple[Value, ...]:
    """What a toggle can be here; values that promise less than the toggle does are left out.

    Of one that changes what is learned, only the engine's own value is left.
    """
    entry = find_optimization(key)
    if entry.kind == "learning":
        return (getattr(engine.default_optimizations(), key),)
    return tuple(v for v in judge(engine, entry).values if entry.kind_of(v) == entry.kind)


def each_alone(engine: Engine, best: Optimizations | None = None) -> list[Optimizations]:
    """The best toggles (the engine's by default), and these with each at each other value."""
    best = best or engine.default_optimizations()
    ways = [best.with_value(e.key, value) for e in CATALOGUE for value in values(engine, e.key)]
    return [way for way in dict.fromkeys([best, *ways]) if not engine.conflict(way)]


def each_width(engine: Engine) -> list[Optimizations]:
    """The engine's best toggles at every width of its vectors."""
    best = engine.default_optimizations()
    return [best.with_value("vector_width", width) for width in values(engine, "vector_width")]


def random_way(engine: Engine, rng: random.Random) -> Optimizations:
    """Any possible combination of toggles."""
    while True:
        on = engine.default_optimizations()
        for entry in CATALOGUE:
            on = entry.applied(on, rng.choice(values(engine, entry.key)))
        if not engine.conflict(on):
            return on
