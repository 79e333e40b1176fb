"""When a run has diverged: a number that is not finite, or a loss that stays far too high."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from eetui.core.model.state import TrainState

START_STEPS = 100
FAR_NATS = 3.0
FAR_STEPS = 200
"""A run has diverged if its loss stays so far above the mean of its start, or above chance, for so
many steps."""
NOT_FINITE = "stopped being a finite number"


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a chunk did: losses [n] of the steps from first_step on, those before a divergence.

    why: in what way it diverged, as a part of a sentence, or ''.
    """

    first_step: int
    losses: NDArray[np.float32]
    diverged_at: int | None
    why: str = ""


def is_healthy(state: TrainState) -> bool:
    """Whether every weight is finite: one product is far cheaper than testing each."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.dot(state.params, state.params)))


class DivergenceWatch:
    """Judges the chunks of one run, given the number of its tokens."""

    def __init__(self, vocab_size: int) -> None:
        self._chance = log(vocab_size)
        self._start_loss, self._start_steps, self._far_steps = 0.0, 0, 0

    def went_back(self) -> None:
        """The run went back to where all was well."""
        self._far_steps = 0

    def judge(self, first: int, losses: NDArray[np.float32], state: TrainState) -> Chunk:
        """The steps from `first` on had these losses, and led to `state`."""
        finite = np.isfinite(losses)
        if not finite.all():
            n = int(np.argmin(finite))
            return Chunk(first, losses[:n], first + n, NOT_FINITE)
        end = first + len(losses)
        if not is_healthy(state):
            return Chunk(first, losses, end, NOT_FINITE)
        if self._is_far_off(losses):
            why = f"has stayed {FAR_NATS:g} nats above its start for {FAR_STEPS} steps"
            return Chunk(first, losses, end, why)
        return Chunk(first, losses, None)

    def _is_far_off(self, losses: NDArray[np.float32]) -> bool:
        """Whether the loss has been far above the start of the run, and chance, for long."""
        begun = losses[: START_STEPS - self._start_steps]
        self._start_loss += float(begun.sum())
        self._start_steps += len(begun)
        if self._start_steps < START_STEPS:
            return False
        limit = min(self._start_loss / START_STEPS, self._chance) + FAR_NATS
        near = np.flatnonzero(losses <= limit)
        self._far_steps = (
            len(losses) - 1 - int(near[-1]) if len(near) else (self._far_steps + len(losses))
        )
        return self._far_steps >= FAR_STEPS
