"""The last state at which all was well, for the way back from a divergence."""

from __future__ import annotations

from time import monotonic

from eetui.core.model.state import TrainState

SECONDS_BETWEEN_COPIES = 1.0
GOOD_ABOVE_BEST = 0.5
"""A state is worth going back to if its loss is at most so many nats above the best so far."""


class GoodState:
    """A copy, `state`, that follows the run at a distance of about a second."""

    def __init__(self, state: TrainState) -> None:
        self.state = state.clone()
        self._best_loss = float("inf")
        self._copy_at = 0.0

    def offer(self, state: TrainState, loss: float | None) -> None:
        """Keep a state with this loss if it is good and the last copy is old."""
        if loss is None or monotonic() < self._copy_at:
            return
        self._best_loss = min(self._best_loss, loss)
        if loss <= self._best_loss + GOOD_ABOVE_BEST:
            self.state = state.clone()
            self._copy_at = monotonic() + SECONDS_BETWEEN_COPIES
