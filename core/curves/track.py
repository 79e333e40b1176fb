"""A figure that is measured now and then, from the beginning of a run, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

CAPACITY = 512
FRESH = 0.9
"""A value speaks for a run until that has taken a tenth of its steps since."""


@dataclass(frozen=True, slots=True)
class TrackCurve:
    """The measurements that were kept, oldest first; all arrays are [n].

    steps: steps done when it was measured. seconds: training time until then. values: the figure.
    """

    steps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    seconds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    values: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def until(self, step: int) -> TrackCurve:
        """What had been measured by then."""
        n = int(np.searchsorted(self.steps, step, side="right"))
        return TrackCurve(self.steps[:n], self.seconds[:n], self.values[:n])

    @property
    def latest(self) -> float | None:
        """The newest value, or None before the first."""
        return float(self.values[-1]) if len(self.values) else None

    @property
    def latest_step(self) -> int | None:
        """When that was measured, or None before the first."""
        return int(self.steps[-1]) if len(self.steps) else None

    def is_old(self, step: int) -> bool:
        """Whether the newest value no longer speaks for a run that is at `step`."""
        measured = self.latest_step
        return measured is not None and measured < FRESH * step


class Track:
    """Keeps every measurement, and every second one of them whenever the room runs out.

    The newest is always kept, also between two that are due.
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, float, float]] = []
        self._newest: tuple[int, float, float] | None = None
        self._every = 1
        self._skipped = 0

    def add(self, step: int, seconds: float, value: float) -> None:
        """Record a measurement of the weights after `step` steps."""
        self._newest = (step, seconds, value)
        self._skipped += 1
        if self._skipped < self._every:
            return
        self._skipped = 0
        self._points.append(self._newest)
        if len(self._points) == CAPACITY:
            self._points = self._points[1::2]
            self._every *= 2

    def forget_after(self, step: int) -> None:
        """Drop what was measured after `step`, for a run that goes back to it."""
        self._points = [point for point in self._points if point[0] <= step]
        if self._newest is not None and self._newest[0] > step:
            self._newest = self._points[-1] if self._points else None

    def curve(self) -> TrackCurve:
        """An immutable copy of what was kept."""
        points = list(self._points)
        if self._newest is not None and (not points or points[-1] != self._newest):
            points.append(self._newest)
        if not points:
            return TrackCurve()
        steps, seconds, values = zip(*points, strict=True)
        return TrackCurve(np.array(steps, np.int64), np.array(seconds), np.array(values))
