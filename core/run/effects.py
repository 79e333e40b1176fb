"""What flipping a toggle did to the microseconds: the pace before it and the pace after."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from eetui.core.run.snapshot import Effect

SETTLED_AFTER = 40
SKIPPED = 2
"""Chunks left out after a change: the caches and the branch predictor are still learning it."""


@dataclass(slots=True)
class _Measurement:
    before: float
    gradient_change: float | None
    chunks: list[float] = field(default_factory=list)
    closed: bool = False

    def effect(self) -> Effect:
        counted = self.chunks[SKIPPED:]
        settled = self.closed or len(counted) >= SETTLED_AFTER
        after = median(counted) if counted else None
        return Effect(self.before, after, settled, self.gradient_change)


class EffectMeter:
    """The last effect of every toggle; only the latest change is still being measured."""

    def __init__(self) -> None:
        self._measurements: dict[str, _Measurement] = {}
        self._current: str = ""

    def changed(
        self, key: str, us_before: float | None, gradient_change: float | None = None
    ) -> None:
        """The toggle `key` takes effect now; `us_before` is None if nothing was timed before."""
        self._close_current()
        self._measurements.pop(key, None)
        if us_before is not None:
            self._measurements[key] = _Measurement(us_before, gradient_change)
            self._current = key

    def timed(self, us_per_step: float) -> None:
        """A chunk has been timed under the present toggles."""
        current = self._measurements.get(self._current)
        if current is not None and not current.effect().settled:
            current.chunks.append(us_per_step)

    def disturbed(self) -> None:
        """Something other than a toggle changed the pace: end the running measurement."""
        self._close_current()

    def effect(self, key: str) -> Effect | None:
        """The last effect of `key`, or None."""
        measurement = self._measurements.get(key)
        return measurement.effect() if measurement else None

    def _close_current(self) -> None:
        current = self._measurements.get(self._current)
        if current is not None:
            current.closed = True
        self._current = ""
