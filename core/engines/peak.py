"""The float32 peak of one core, measured: what the speed of an engine is compared with."""

from __future__ import annotations

from eetui.core import clocks

RUNS = 12
ROUNDS = 500_000
"""A run of about a millisecond: long enough for the clock, short enough to hide behind a screen."""


def measure() -> float:
    """GFLOP/s of fused multiply-adds on one core, the best of several short runs by the CPU clock.

    Independent chains of multiply-adds at the CPU's widest registers, nothing else: no program
    can be faster. The first call compiles a small kernel (or loads it from the cache on disk).
    """
    from eetui.core.engines.numba.chains import CHAINS, chains, width

    kernel = chains()
    best = 0.0
    for _ in range(RUNS):
        start = clocks.now()
        kernel(ROUNDS)
        best = max(best, 2.0 * CHAINS * width() * ROUNDS / clocks.since(start).cost_ns)
    return best
