"""The float32 peak of one core, measured: what the speed of an engine is compared with."""

from __future__ import annotations

from time import perf_counter_ns

RUNS = 12
ROUNDS = 500_000
"""A run of about a millisecond: long enough for the clock, short enough to hide behind a screen."""


def measure() -> float:
    """GFLOP/s of fused multiply-adds on one core, the best of several short runs.

    Independent chains of multiply-adds at the CPU's widest registers, nothing else: no program
    can be faster. The first call compiles a small kernel (or loads it from the cache on disk).
    """
    from eetui.core.engines.numba.chains import CHAINS, chains, width

    kernel = chains()
    best = 0.0
    for _ in range(RUNS):
        start = perf_counter_ns()
        kernel(ROUNDS)
        elapsed = perf_counter_ns() - start
        best = max(best, 2.0 * CHAINS * width() * ROUNDS / elapsed)
    return best
