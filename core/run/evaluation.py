"""The held-out loss: the loss on the documents that training never sees, measured as it goes on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core import clocks
from eetui.core.config import ModelConfig
from eetui.core.curves.track import Track
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine
from eetui.core.model.state import TrainState, Vector, aligned_copy
from eetui.core.optimizations import Optimizations

SHARE = 0.02
"""Of the training time, what measuring may take."""
SLICE_NS = 1_000_000
"""About what one slice takes, so that a command waits no longer than it does for a chunk."""
MOST_DOCUMENTS = 4096
BATCH = 64


class HeldOutLoss:
    """Measures the loss of one step's weights on all held-out documents, a slice after each chunk.

    The weights are copied when a pass begins, so a point of the curve is the loss at its step and
    depends on nothing else; which steps are measured depends on the time that there was. Of a very
    large data set the first 4,096 held-out documents count.
    """

    def __init__(self, dataset: Dataset, model: ModelConfig) -> None:
        self.track = Track()
        self._documents = _that_count(dataset.held_out) if dataset.held_out else None
        self._model = model
        self._order = _in_order(self._documents) if self._documents else np.zeros(0, np.int32)
        self._params: Vector | None = None
        self._at = (0, 0.0)
        self._done = 0
        self._sum = 0.0
        self._credit_ns = 0.0
        self._ns_per_document = 0.0

    def trained(
        self,
        cost_ns: int,
        engine: Engine,
        optimizations: Optimizations,
        state: TrainState,
        seconds: float,
    ) -> None:
        """A chunk cost so much: measure a slice if its share of that has come together.

        Both are told by the clock of the thread where it works alone, so a machine that others
        use as well measures as often in its own time.
        """
        if self._documents is None:
            return
        self._credit_ns = min(self._credit_ns + SHARE * cost_ns, SLICE_NS)
        if self._credit_ns <= 0:
            return
        if self._params is None:
            self._begin(state, seconds)
        fitting = int(SLICE_NS / self._ns_per_document) if self._ns_per_document else BATCH
        self._measure(engine, optimizations, max(fitting // BATCH, 1) * BATCH)

    def finish(
        self, engine: Engine, optimizations: Optimizations, state: TrainState, seconds: float
    ) -> None:
        """Measure the present weights at once, for a run that has ended."""
        if self._documents is None:
            return
        self._begin(state, seconds)
        self._measure(engine, optimizations, len(self._order))

    def forget_after(self, step: int) -> None:
        """Drop what was measured after `step`, for a run that goes back to it."""
        self.track.forget_after(step)
        self._params = None

    def _begin(self, state: TrainState, seconds: float) -> None:
        self._params = aligned_copy(state.params)
        self._at = (state.step, seconds)
        self._done, self._sum = 0, 0.0

    def _measure(self, engine: Engine, optimizations: Optimizations, n: int) -> None:
        """Go on with the pass by n documents."""
        assert self._documents is not None
        assert self._params is not None
        started = clocks.now()
        rows = self._order[self._done : self._done + n]
        whole = len(rows) // BATCH * BATCH
        for part in (rows[:whole].reshape(-1, BATCH), rows[whole:].reshape(1, -1)):
            if part.size:
                losses = engine.evaluate(
                    self._params, self._documents, self._model, optimizations, part
                )
                positions = self._documents.lengths[part].sum(axis=1)
                self._sum += float(losses @ positions)
        self._done += len(rows)
        if self._done == len(self._order):
            total = int(self._documents.lengths[self._order].sum())
            self.track.add(*self._at, self._sum / total)
            self._params = None
        cost_ns = clocks.since(started, alone=optimizations.threads <= 1).cost_ns
        self._ns_per_document = cost_ns / len(rows)
        self._credit_ns -= cost_ns


def _that_count(held_out: Dataset) -> Dataset:
    """A data set whose rows are ready and begin with the documents that count."""
    n = min(held_out.n_docs, MOST_DOCUMENTS)
    return held_out.at_hand(np.arange(n, dtype=np.int32))[0]


def _in_order(documents: Dataset) -> NDArray[np.int32]:
    """The documents that count, by their tokens: neighbours share prefixes, which costs less."""
    tokens = documents.tokens[:MOST_DOCUMENTS]
    return np.lexsort(tokens.T[::-1]).astype(np.int32)
