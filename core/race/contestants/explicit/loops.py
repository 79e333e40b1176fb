"""Gradients written by hand as compiled loops: a contestant."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eetui.core.race.contestant import Task, Work
from eetui.core.race.contestants.one_document import OneDocument, OneDocumentContestant
from eetui.core.race.work import matrix_operations


class LoopsLearner(OneDocument):
    """Flat float32 vectors, and the buffers that forward fills for backward."""

    def __init__(self, task: Task) -> None:
        from eetui.core.race.contestants.explicit import loop_kernels
        from eetui.core.race.contestants.jit import shape_of

        super().__init__(task)
        self.kernels: Any = loop_kernels
        model, train = task.model, task.train
        w, g, m, v = np.zeros((4, model.n_params), np.float32)
        w[:] = task.initial
        self.learned = loop_kernels.Learned(w, g, m, v, train.beta1, train.beta2, train.eps)
        self.shape = shape_of(model)
        self.saved = loop_kernels.saved(self.shape)
        self.train(np.empty(0, np.int32), np.empty(0), np.empty(0))  # Compiles only.

    def train(
        self, documents: NDArray[np.int32], rates: NDArray[np.float64], losses: NDArray[np.float64]
    ) -> None:
        dataset = self.task.dataset
        data = (dataset.tokens, dataset.lengths, documents, self.done, rates, losses)
        self.kernels.train(self.learned, self.shape, self.saved, *data)

    def gradients(self, tokens: NDArray[np.uint8]) -> tuple[float, NDArray[np.float32]]:
        w, g = self.learned.w, self.learned.g
        n = len(tokens) - 1
        loss = self.kernels.loss_and_gradients(w, g, self.shape, self.saved, tokens, n)
        return float(loss), g.copy()

    def params(self) -> NDArray[np.float32]:
        weights: NDArray[np.float32] = self.learned.w
        return weights

    def work(self) -> Work:
        return Work(matrix_operations(self.task.model), "matrix operations")


EXPLICIT_NUMBA = OneDocumentContestant(
    "explicit-numba",
    "Hand-written gradients in compiled loops, float32, one document a step: as microgpt.c.",
    LoopsLearner,
)
