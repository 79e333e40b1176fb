"""Tape autograd in double and in single precision: two contestants."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eetui.core.race.contestant import Task, Work
from eetui.core.race.contestants.one_document import OneDocument, OneDocumentContestant
from eetui.core.race.contestants.scalar.graph import mean_graph_size, require_small_graph
from eetui.core.race.contestants.scalar.pure_python import graph_size
from eetui.core.race.microgpt import places

MAX_NODES = 10**8
"""A node takes 25 bytes in double precision, so this is 2.5 GB."""


class TapeLearner(OneDocument):
    """An arena large enough for the longest document, with the weights at its beginning."""

    def __init__(self, task: Task, name: str, dtype: type[np.floating[Any]]) -> None:
        from eetui.core.race.contestants.jit import shape_of
        from eetui.core.race.contestants.tape import tape_kernels

        super().__init__(task)
        require_small_graph(name, task.model, MAX_NODES)
        self.kernels: Any = tape_kernels
        model, train = task.model, task.train
        n_nodes = model.n_params + graph_size(model, model.block_size)
        self.tape = tape_kernels.Tape(
            op=np.empty(n_nodes, np.uint8),
            a=np.empty(n_nodes, np.int32),
            b=np.empty(n_nodes, np.int32),
            val=np.empty(n_nodes, dtype),
            grad=np.empty(n_nodes, dtype),
        )
        self.shape = shape_of(model)
        m, v = np.zeros(model.n_params, dtype), np.zeros(model.n_params, dtype)
        self.optimizer = tape_kernels.Optimizer(m, v, train.beta1, train.beta2, train.eps)
        self.places = places(model)
        self.weights = self.tape.val[: model.n_params]
        self.weights[:] = task.initial[self.places]
        self.train(np.empty(0, np.int32), np.empty(0), np.empty(0))  # Compiles only.

    def train(
        self, documents: NDArray[np.int32], rates: NDArray[np.float64], losses: NDArray[np.float64]
    ) -> None:
        dataset = self.task.dataset
        self.kernels.train(
            self.tape,
            self.shape,
            self.optimizer,
            dataset.tokens,
            dataset.lengths,
            documents,
            self.done,
            rates,
            losses,
        )

    def gradients(self, tokens: NDArray[np.uint8]) -> tuple[float, NDArray[Any]]:
        n = self.kernels.loss_and_gradients(self.tape, self.shape, tokens)
        grads = np.empty_like(self.weights)
        grads[self.places] = self.tape.grad[: self.n_params]
        return float(self.tape.val[n - 1]), grads

    def params(self) -> NDArray[Any]:
        params: NDArray[Any] = np.empty_like(self.weights)
        params[self.places] = self.weights
        return params

    def work(self) -> Work:
        return Work(mean_graph_size(self.task), "autograd nodes")


TAPE = OneDocumentContestant(
    "tape",
    "Scalar autograd as a flat tape in an arena, compiled, float64: as microgpt.cpp does it.",
    partial(TapeLearner, name="tape", dtype=np.float64),
)
TAPE_F32 = OneDocumentContestant(
    "tape-f32",
    "Scalar autograd as a flat tape in an arena, compiled, float32: as rust-microgpt does it.",
    partial(TapeLearner, name="tape-f32", dtype=np.float32),
)
