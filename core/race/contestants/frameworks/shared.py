"""What the frameworks' contestants have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.dataset import Dataset
from eetui.core.model.sampling import generate
from eetui.core.model.state import Vector
from eetui.core.race.contestant import Task, Work
from eetui.core.race.contestants.transformer_loss import transformer_loss
from eetui.core.race.work import matrix_operations


def missing(module: str, extra: str) -> str:
    """Empty if `module` can be imported, else the sentence that says how to install it."""
    with suppress(ModuleNotFoundError):  # the package that a submodule would be in
        if find_spec(module) is not None:
            return ""
    return f"{extra} is not installed: pip install 'eetui[{extra}]'."


class FrameworkLearner(ABC):
    """A learner whose weights live in a framework."""

    detail: str

    def __init__(self, task: Task) -> None:
        self.task = task
        self.n_params = task.model.n_params
        self.batch = task.train.batch
        self.done = 0

    def advance(self, n_steps: int) -> NDArray[np.float64]:
        """Take n steps; the loss of each [n_steps], all of them computed when this returns."""
        documents = self.task.documents(self.done, n_steps, self.batch)
        rates = self.task.learning_rates(self.done, n_steps).astype(np.float32)
        losses = self.steps(documents, rates)
        self.done += n_steps
        return losses.astype(np.float64)

    @abstractmethod
    def steps(
        self, documents: NDArray[np.int32], rates: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """One step for each row of documents [n, batch] at its rate; losses [n]."""

    @abstractmethod
    def gradients(self, documents: NDArray[np.int32]) -> tuple[float, Vector]:
        """The loss of a batch of documents and its gradient [n_params]."""

    @abstractmethod
    def params(self) -> Vector:
        """The current weights [n_params], laid out as `state.layout` says."""

    def work(self) -> Work:
        """The matrix operations of a step, which the documents of its batch share."""
        return Work(matrix_operations(self.task.model), "matrix operations", self.batch)

    def generate(self, n: int, temperature: float, seed: int) -> list[str]:
        """n documents sampled with the current weights, as every engine samples them."""
        task = self.task
        return generate(self.params(), task.model, task.dataset, n, temperature, seed=seed)

    def loss_on(self, documents: Dataset, n: int) -> float:
        """The loss of the current weights on other documents."""
        return transformer_loss(self.params(), self.task.model, documents, n)
