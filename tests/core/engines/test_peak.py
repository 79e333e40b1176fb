"""The peak of a core: multiply-adds that are counted, by a clock that is read."""

from __future__ import annotations

import pytest

from eetui.core import clocks, cpu
from eetui.core.engines import peak, registry
from eetui.core.engines.base import Engine
from eetui.core.engines.native.engine import NativeEngine


def test_it_is_that_of_vectors_and_stable(engine: Engine) -> None:
    first, second = peak.measure(engine), peak.measure(engine)
    assert first == pytest.approx(second, rel=0.5)
    assert first > 2 * cpu.detect().lanes  # at least one multiply-add a cycle at 1 GHz


def test_a_multiply_add_counts_as_two_operations(native: NativeEngine) -> None:
    """A round has twelve chains of the widest vectors (src/peak-inl.h)."""
    lanes = native.default_optimizations().vector_width
    assert native.multiply_adds(1) == 2 * 12 * lanes
    assert native.multiply_adds(1000) == 1000 * 2 * 12 * lanes


def test_two_loops_that_count_for_themselves_agree(native: NativeEngine) -> None:
    """One that runs half of the rounds it counts, in C or in Numba, has twice the other's speed."""
    other = registry.create("numba")
    assert peak.measure(native) == pytest.approx(peak.measure(other), rel=0.4)


def test_it_is_the_quickest_run_of_the_work_that_was_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Counting:
        """Every other run takes twice as long as 2 ms."""

        runs = ns = 0

        def multiply_adds(self, rounds: int) -> int:
            if rounds == peak.ROUNDS:
                self.runs += 1
                self.ns += 2_000_000 * (1 + self.runs % 2)
            return 8 * rounds

    engine = Counting()
    monkeypatch.setattr(clocks, "thread_time_ns", lambda: engine.ns)
    assert peak.measure(engine) == 8 * peak.ROUNDS / 2_000_000  # type: ignore[arg-type]
    assert engine.runs > 1
