"""The losses of the last steps, and their mean."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import fsum

LAST = 100


class LastLosses:
    """At most LAST losses, nats; there is at least one before any is asked for."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=LAST)

    def __len__(self) -> int:
        return len(self._losses)

    def add(self, losses: Iterable[float]) -> None:
        """The losses of the next steps."""
        self._losses.extend(losses)

    @property
    def latest(self) -> float:
        """That of the last step."""
        return self._losses[-1]

    @property
    def mean(self) -> float:
        """That of all of them."""
        return fsum(self._losses) / len(self._losses)
