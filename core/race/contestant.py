"""What a contestant of the race is: a way to train this model, or a similar one, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.batches import documents_of, learning_rates
from eetui.core.data.dataset import Dataset

Rules = Literal["equal", "microgpt"]
"""equal: the same float32 initial weights, each contestant with the batch it is made for, documents
of a step from (seed, step). microgpt: Karpathy's own draws, order of documents and batch of one."""


@dataclass(frozen=True, slots=True)
class Task:
    """What every contestant gets.

    dataset: what is trained on; its held-out documents are what losses are compared on.
    initial: the transformer's weights [n_params] float64, laid out as in `state.layout`. order: if
    the rules fix one, the documents of step k start at order[k * batch % n_docs]; None if they are
    decided by (seed, step). `train.batch` is for contestants that can choose their batch.
    """

    dataset: Dataset
    model: ModelConfig
    train: TrainConfig
    rules: Rules
    initial: NDArray[np.float64]
    order: NDArray[np.int32] | None = None

    def documents(self, first_step: int, n_steps: int, batch: int) -> NDArray[np.int32]:
        """Indices [n_steps, batch] of the documents of the steps from first_step on."""
        if self.order is None:
            train = replace(self.train, batch=batch)
            return documents_of(train, first_step, n_steps, self.dataset.n_docs)
        places = np.arange(first_step * batch, (first_step + n_steps) * batch) % len(self.order)
        return self.order[places].reshape(n_steps, batch)

    def learning_rates(self, first_step: int, n_steps: int) -> NDArray[np.float64]:
        """Learning rates [n_steps] of the steps from first_step on."""
        if self.rules == "microgpt":
            done = (first_step + np.arange(n_steps)) / self.train.steps
            return self.train.learning_rate * (1.0 - np.minimum(done, 1.0))
        return learning_rates(self.train, first_step, n_steps).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Work:
    """What a sample costs, in a unit that suits the contestant: 57,012 autograd nodes.

    samples: how many samples share the work, such as the 16 of a batch.
    """

    count: int
    unit: Literal["autograd nodes", "matrix operations"]
    samples: int = 1


class Learner(Protocol):
    """A contestant at work. It holds its weights and how many steps it has done.

    detail: what it computes on, such as 'AVX-512 x16', or '' where there is nothing to tell.
    """

    detail: str
    n_params: int
    batch: int  # documents of a step

    def advance(self, n_steps: int) -> NDArray[np.float64]:
        """Take n steps; the mean loss of each (nats a predicted character), [n_steps]."""
        ...

    def work(self) -> Work | None:
        """The work of a sample of mean length; may be None before the first step."""
        ...

    def generate(self, n: int, temperature: float, seed: int) -> list[str]:
        """n documents generated with the current weights."""
        ...

    def loss_on(self, documents: Dataset, n: int) -> float:
        """The mean loss of the current weights on the first n of these documents, which are not
        those of the task (nats a predicted character). The weights stay as they are."""
        ...


class Contestant(Protocol):
    """An entry of the league, whether it can run here or not.

    name: as the command line has it. summary: what it is, one sentence. model: '' for this
    transformer, else which other model it trains. extra: the optional dependencies it needs, as in
    eetui[torch], or ''.
    """

    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def extra(self) -> str: ...

    def why_not(self) -> str:
        """Empty if it can run here, else a sentence that says why not and what to install."""
        ...

    def start(self, task: Task) -> Learner:
        """A learner with the task's initial weights, already compiled, so that its first step takes
        no longer than the others. Raises `UsageError` for a task that it cannot do."""
        ...
