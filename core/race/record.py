"""The losses of one contestant: means, the best so far, and when a threshold was passed."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.history import RECENT_LOSSES, History

WINDOW_STEPS = 100
WINDOW_SAMPLES = 1600
EMA_STEPS = 50
PIECES = 8
"""Points that a slice adds to the curve at most."""


def window(batch: int) -> int:
    """Steps of which a mean counts as a loss reached: 100, or as many as hold 1,600 documents.

    EEmicroGPT takes 100 steps of 16 documents. With a batch of one, the mean of only 100 documents
    would sometimes be below a threshold by chance, long before the model is.
    """
    return max(WINDOW_STEPS, ceil(WINDOW_SAMPLES / batch))


class Record:
    """The losses of a contestant in bounded memory, however long it trains."""

    def __init__(self, batch: int, threshold: float) -> None:
        self.history = History()
        self.steps = 0
        self.nanoseconds = 0
        self.best: float | None = None
        self.reached: float | None = None
        self._threshold = threshold
        self._window = window(batch)
        self._last: NDArray[np.float64] = np.zeros(0)
        self._average = self._weight = 0.0

    @property
    def seconds(self) -> float:
        return self.nanoseconds / 1e9

    @property
    def loss(self) -> float | None:
        """Mean of the last 100 steps, or of the second half where there are fewer than 200."""
        n = min(RECENT_LOSSES, ceil(self.steps / 2))
        return float(self._last[-n:].mean()) if n else None

    @property
    def ema(self) -> float | None:
        """Exponential moving average of the loss, its start corrected as in Adam."""
        return self._average / self._weight if self.steps else None

    def add(self, losses: NDArray[np.float64], nanoseconds: int) -> None:
        """Add the finite losses [n >= 1] of a slice and its duration."""
        n = len(losses)
        self._add_average(losses)
        self._add_windows(losses, nanoseconds)
        edges = np.linspace(0, n, min(n, PIECES) + 1).astype(int)
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            spent = nanoseconds * end // n - nanoseconds * start // n
            self.history.add(self.steps + end, losses[start:end].astype(np.float32), spent)
        self.steps += n
        self.nanoseconds += nanoseconds

    def _add_average(self, losses: NDArray[np.float64]) -> None:
        n, keep = len(losses), 1.0 - 1.0 / EMA_STEPS
        shares = (1.0 - keep) * keep ** np.arange(n - 1, -1, -1)
        self._average = self._average * keep**n + float(shares @ losses)
        self._weight = self._weight * keep**n + float(shares.sum())

    def _add_windows(self, losses: NDArray[np.float64], nanoseconds: int) -> None:
        """Check the mean of the window that ends at each new step."""
        joined = np.concatenate([self._last, losses])
        self._last = joined[-self._window :]
        sums = np.concatenate([[0.0], np.cumsum(joined[-(self._window - 1 + len(losses)) :])])
        means = (sums[self._window :] - sums[: -self._window]) / self._window
        if not len(means):
            return
        self.best = min(float(means.min()), self.best or np.inf)
        below = np.flatnonzero(means < self._threshold)
        if self.reached is None and len(below):
            first = len(losses) - len(means) + int(below[0]) + 1
            self.reached = (self.nanoseconds + nanoseconds * first / len(losses)) / 1e9
