"""The exact losses of some steps: enough to tell whether a run was trained again to the bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.track import TrackCurve

CAPACITY = 512


class StepLosses:
    """The loss of every k-th step, where k doubles whenever there are too many of them.

    Which steps they are depends on how far the run has come and on nothing else.
    """

    def __init__(self) -> None:
        self._losses: dict[int, float] = {}
        self._every = 1

    def add(self, first_step: int, losses: NDArray[np.float32]) -> None:
        """Losses [n] of the steps after first_step, first_step + 1, ...; a step is told again
        where a run went back, and counts as it was the last time."""
        start = -first_step % self._every
        taken = losses[start :: self._every].tolist()
        steps = range(first_step + start, first_step + len(losses), self._every)
        self._losses.update(zip(steps, taken, strict=True))
        while len(self._losses) > CAPACITY:
            self._every *= 2
            self._losses = {k: v for k, v in self._losses.items() if k % self._every == 0}

    def until(self, step: int) -> TrackCurve:
        """The losses of the steps before `step`; each has the steps done before it."""
        kept = sorted((k, v) for k, v in self._losses.items() if k < step)
        steps, losses = zip(*kept, strict=True) if kept else ((), ())
        return TrackCurve(np.array(steps, np.int64), np.zeros(len(kept)), np.array(losses, float))
