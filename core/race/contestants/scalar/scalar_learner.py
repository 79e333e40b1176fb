"""Scalar autograd in pure Python: a contestant."""

from __future__ import annotations

import gc

import numpy as np
from numpy.typing import NDArray

from eetui.core.race.contestant import Task, Work
from eetui.core.race.contestants.one_document import OneDocumentContestant, Stepwise
from eetui.core.race.contestants.scalar import pure_python
from eetui.core.race.contestants.scalar.graph import mean_graph_size, require_small_graph
from eetui.core.race.microgpt import places

MAX_NODES = 10**7
"""An object and its entries take about 250 bytes, so this is 2.5 GB."""


class ScalarLearner(Stepwise):
    """The program's weights, `Value` by `Value`, and its Adam."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        require_small_graph("scalar", task.model, MAX_NODES)
        model, train = task.model, task.train
        self.places = places(model)
        self.values = [pure_python.Value(x) for x in task.initial[self.places].tolist()]
        self.w = pure_python.weights_of(model, self.values)
        self.adam = pure_python.Adam(self.values, train.beta1, train.beta2, train.eps)

    def _loss(self, tokens: NDArray[np.uint8]) -> float:
        """The loss of a document, NaN if it is not finite; its gradients are then in the values.

        Python's garbage collector scans the growing graph again and again, here as in the
        original. Objects that other parts of this process hold are frozen, so that it does not
        scan them too: with PyTorch and JAX loaded, a step took more than twice as long.
        """
        gc.freeze()
        try:
            loss = pure_python.document_loss(self.w, self.task.model, tokens.tolist())
            loss.backward()
        except (
            ValueError,
            OverflowError,
            ZeroDivisionError,
        ):  # Where arrays would hold inf or nan.
            return float("nan")
        finally:
            gc.unfreeze()
        return loss.data

    def step(self, tokens: NDArray[np.uint8], n_before: int, rate: float) -> float:
        loss = self._loss(tokens)
        self.adam.update(rate)
        return loss

    def gradients(self, tokens: NDArray[np.uint8]) -> tuple[float, NDArray[np.float64]]:
        loss = self._loss(tokens)
        grads = np.empty(self.n_params)
        grads[self.places] = [value.grad for value in self.values]
        for value in self.values:
            value.grad = 0.0
        return loss, grads

    def params(self) -> NDArray[np.float64]:
        params = np.empty(self.n_params)
        params[self.places] = [value.data for value in self.values]
        return params

    def work(self) -> Work:
        return Work(mean_graph_size(self.task), "autograd nodes")


SCALAR = OneDocumentContestant(
    "scalar",
    "Scalar autograd in pure Python, one document a step: Karpathy's microgpt.py.",
    ScalarLearner,
)
