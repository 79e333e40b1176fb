"""The float32 peak of one core, measured: what the speed of an engine is compared with."""

from __future__ import annotations

from eetui.core import clocks
from eetui.core.engines import registry
from eetui.core.engines.base import Engine

RUNS = 12
ROUNDS = 500_000
"""A run of about a millisecond: long enough for the clock, short enough to hide behind a screen."""


def measure(engine: Engine) -> float:
    """GFLOP/s of fused multiply-adds on one core, the best of several short runs by the CPU clock.

    Independent chains of multiply-adds at the CPU's widest registers, nothing else: no program
    can be faster. The engine runs them, or the default one where it has no such loop.
    """
    if engine.multiply_adds(1) is None:
        engine = registry.create(registry.default())
    best = 0.0
    for _ in range(RUNS):
        start = clocks.now()
        operations = engine.multiply_adds(ROUNDS) or 0
        best = max(best, operations / clocks.since(start).cost_ns)
    return best
