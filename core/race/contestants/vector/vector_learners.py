"""Tensor autograd, with Adam and with momentum: two contestants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.model import reference
from eetui.core.model.state import views
from eetui.core.race.contestant import Task, Work
from eetui.core.race.contestants.one_document import OneDocumentContestant, Stepwise
from eetui.core.race.contestants.vector.autograd import Array
from eetui.core.race.contestants.vector.training import Momentum, Parameters
from eetui.core.race.contestants.vector.transformer import document_loss

MOMENTUM_RATE = 0.0025
"""Of 0.001, 0.0025, 0.005, 0.01 and 0.02 the one with the least loss at d_model 16."""


class VectorLearner(Stepwise):
    """The transformer's weights as variables, and Adam's moments."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.weights = Parameters(task.initial.copy(), lambda flat: views(task.model, flat))
        self.m, self.v = np.zeros(self.n_params), np.zeros(self.n_params)
        self.graph_size = 0

    def update(self, n_before: int, rate: float) -> None:
        """Learn from the gradients."""
        moments = (self.weights.flat, self.m, self.v)
        reference.adam(*moments, self.weights.grads, n_before, rate, self.task.train)

    def _loss(self, tokens: NDArray[np.uint8]) -> float:
        """The loss of a document; its gradients are then among the weights."""
        loss = document_loss(self.weights.variables, self.task.model, tokens)
        self.graph_size = self.weights.differentiate(loss)
        return float(loss.data)

    def step(self, tokens: NDArray[np.uint8], n_before: int, rate: float) -> float:
        loss = self._loss(tokens)
        self.update(n_before, rate)
        return loss

    def gradients(self, tokens: NDArray[np.uint8]) -> tuple[float, Array]:
        return self._loss(tokens), self.weights.grads.copy()

    def params(self) -> Array:
        return self.weights.flat

    def work(self) -> Work | None:
        """Tensors of a graph, which are as many for every document; None before the first."""
        return Work(self.graph_size, "autograd nodes") if self.graph_size else None


class MomentumLearner(VectorLearner):
    """The same, but that it learns by momentum, at rates of its own."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.momentum = Momentum(self.n_params, task.train, MOMENTUM_RATE)

    def update(self, n_before: int, rate: float) -> None:
        self.momentum.update(self.weights.flat, self.weights.grads, n_before)


VECTOR = OneDocumentContestant(
    "vector",
    "Tensor autograd on NumPy, float64, a document a step: brief-ds's microgpt with Adam.",
    VectorLearner,
)
VECTOR_SGD = OneDocumentContestant(
    "vector-sgd",
    "Tensor autograd on NumPy, float64, a document a step: brief-ds's microgpt with momentum.",
    MomentumLearner,
)
