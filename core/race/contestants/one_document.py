"""What the contestants that take one document a step have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.dataset import Dataset
from eetui.core.engines.arguments import check_fit
from eetui.core.model.sampling import generate
from eetui.core.race.contestant import Learner, Task, Work
from eetui.core.race.contestants.transformer_loss import transformer_loss

L = TypeVar("L", bound=Learner)


@dataclass(frozen=True, slots=True)
class OneDocumentContestant(Generic[L]):
    """A contestant that runs everywhere, because NumPy and Numba are always installed.

    learner: makes a learner for a task, and compiles on first use if it has to.
    """

    name: str
    summary: str
    learner: Callable[[Task], L]
    model: str = ""
    extra: str = ""

    def why_not(self) -> str:
        """Always empty."""
        return ""

    def start(self, task: Task) -> L:
        """A new learner. Raises `UsageError` for a task that it cannot do."""
        return self.learner(task)


class OneDocument(ABC):
    """A transformer that learns from one document a step; a subclass says how."""

    batch = 1
    detail = ""

    def __init__(self, task: Task) -> None:
        check_fit(task.dataset, task.model)
        self.task = task
        self.n_params = task.model.n_params
        self.done = 0

    @abstractmethod
    def train(
        self, documents: NDArray[np.int32], rates: NDArray[np.float64], losses: NDArray[np.float64]
    ) -> None:
        """One step for each document, with its learning rate; losses gets the loss before the step.

        All three are [n_steps], and `done` is the number of steps before them.
        """

    @abstractmethod
    def gradients(self, tokens: NDArray[np.uint8]) -> tuple[float, NDArray[Any]]:
        """The loss of a document [positions + 1] and its gradient, laid out like the weights."""

    @abstractmethod
    def params(self) -> NDArray[Any]:
        """The current weights [n_params], laid out as `state.layout` says."""

    @abstractmethod
    def work(self) -> Work | None:
        """The work of a sample of mean length; None if it is not known yet."""

    def advance(self, n_steps: int) -> NDArray[np.float64]:
        """Take n steps; the loss of each [n_steps]."""
        documents = self.task.documents(self.done, n_steps, 1)[:, 0]
        losses = np.empty(n_steps)
        self.train(documents, self.task.learning_rates(self.done, n_steps), losses)
        self.done += n_steps
        return losses

    def generate(self, n: int, temperature: float, seed: int) -> list[str]:
        """n documents sampled with the current weights, as every engine samples them."""
        params = self.params().astype(np.float32)
        return generate(params, self.task.model, self.task.dataset, n, temperature, "", seed)

    def loss_on(self, documents: Dataset, n: int) -> float:
        """The loss of the current weights on other documents."""
        return transformer_loss(self.params(), self.task.model, documents, n)


class Stepwise(OneDocument):
    """One that takes each step in Python."""

    @abstractmethod
    def step(self, tokens: NDArray[np.uint8], n_before: int, rate: float) -> float:
        """Learn from a document [positions + 1] after n_before steps; its loss before the step."""

    def train(
        self, documents: NDArray[np.int32], rates: NDArray[np.float64], losses: NDArray[np.float64]
    ) -> None:
        dataset = self.task.dataset
        with np.errstate(all="ignore"):  # A run that diverges shows it in its losses.
            for i, (row, rate) in enumerate(zip(documents, rates.tolist(), strict=True)):
                tokens = dataset.tokens[row, : dataset.lengths[row] + 1]
                losses[i] = self.step(tokens, self.done + i, rate)
