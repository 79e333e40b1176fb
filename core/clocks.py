"""Two clocks: how long a thread has really run, and how long a person has waited.

On a core that other programs share, the second runs on while the thread waits for its turn. What a
kernel costs is told by the first, what a person waits for by the second.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from time import perf_counter_ns, thread_time_ns
from typing import Literal

ClockName = Literal["cpu", "wall"]
"""cpu: the CPU clock of the thread that trains. wall: the time that has passed."""

HAS_THREAD_CLOCK = sys.platform != "win32"
"""On Windows a thread's CPU clock ticks every 16 ms: too coarse for anything here."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The readings of both clocks, nanoseconds, of which only differences mean something."""

    wall_ns: int
    cpu_ns: int


@dataclass(frozen=True, slots=True)
class Spent:
    """Nanoseconds between two moments; cpu_ns is None where the thread's clock tells nothing."""

    wall_ns: int
    cpu_ns: int | None

    @property
    def clock(self) -> ClockName:
        """The clock that tells what the work cost."""
        return "wall" if self.cpu_ns is None else "cpu"

    @property
    def cost_ns(self) -> int:
        """Nanoseconds by that clock."""
        return self.wall_ns if self.cpu_ns is None else self.cpu_ns


def now() -> Moment:
    """Read both clocks; the CPU clock is the calling thread's."""
    return Moment(perf_counter_ns(), thread_time_ns())


def since(start: Moment, *, alone: bool = True) -> Spent:
    """The time that has passed by both clocks since `start`, in the same thread.

    alone: whether this thread did all the work. If others helped, its own clock is not enough.
    """
    cpu_ns = thread_time_ns() - start.cpu_ns
    wall_ns = perf_counter_ns() - start.wall_ns
    return Spent(wall_ns, cpu_ns if alone and HAS_THREAD_CLOCK else None)
