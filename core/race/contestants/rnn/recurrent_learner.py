"""The recurrent nets as contestants of the race, trained by their author's recipe."""

from __future__ import annotations

import random
from functools import partial

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.dataset import Dataset
from eetui.core.errors import EetuiError
from eetui.core.model.sampling import choose, require_samplable
from eetui.core.model.state import INIT_STD
from eetui.core.race.contestant import Task, Work
from eetui.core.race.contestants.one_document import OneDocumentContestant
from eetui.core.race.contestants.rnn.net import N_STATE, cut, document_loss, next_state, shapes
from eetui.core.race.contestants.vector.autograd import Array
from eetui.core.race.contestants.vector.training import Momentum, Parameters
from eetui.core.race.microgpt import shuffled

N_FIRED = 16


class RecurrentLearner:
    """A recurrent net that takes one document a step.

    Model and recipe are the net's own; data, order and plan are the task's. n_fired: how many of
    the state's features fire a step, 0 for all. rate: its author's learning rate, with which 1,000
    steps by the microgpt rules on makemore's names end at his losses.
    """

    batch = 1
    detail = ""

    def __init__(self, task: Task, n_fired: int, rate: float) -> None:
        self.task, self.n_fired = task, n_fired
        self.done = 0
        sizes = shapes(task.dataset.vocab_size, task.dataset.block_size)
        self.n_params = sum(rows * cols for rows, cols in sizes.values())
        seed = task.train.seed
        rng = random.Random(seed)
        if task.rules == "microgpt":  # There the weights are drawn after the shuffle.
            _, rng = shuffled(task.dataset.n_docs, seed)
        initial = np.array([rng.gauss(0.0, INIT_STD) for _ in range(self.n_params)])
        self.weights = Parameters(initial, lambda flat: cut(flat, sizes))
        self.optimizer = Momentum(self.n_params, task.train, rate)
        self._nodes = 0

    def gradients(self, tokens: NDArray[np.uint8]) -> tuple[float, Array]:
        """The loss of a document [positions + 1] and its gradient [n_params]."""
        loss = document_loss(self.weights.variables, tokens, self.n_fired)
        self._nodes += self.weights.differentiate(loss)
        return float(loss.data), self.weights.grads

    def advance(self, n_steps: int) -> NDArray[np.float64]:
        """Take n steps; the loss of each [n_steps]."""
        dataset, losses = self.task.dataset, np.empty(n_steps)
        with np.errstate(all="ignore"):  # A run that diverges says so itself.
            for i, row in enumerate(self.task.documents(self.done, n_steps, 1)[:, 0]):
                tokens = dataset.tokens[row, : dataset.lengths[row] + 1]
                losses[i], grads = self.gradients(tokens)
                self.optimizer.update(self.weights.flat, grads, self.done)
                self.done += 1
        return losses

    def work(self) -> Work | None:
        """Tensors of a graph, as the mean of those made so far."""
        if not self.done:
            return None
        return Work(round(self._nodes / self.done), "autograd nodes")

    def generate(self, n: int, temperature: float, seed: int) -> list[str]:
        """n documents, each ended by a boundary or block_size, drawn as `sampling.generate` does.

        Raises `EetuiError` if the weights are no longer finite.
        """
        dataset = self.task.dataset
        require_samplable(self.task.model, dataset, temperature, "")
        uniform = np.random.default_rng(seed).random((n, dataset.block_size))
        return [self._generate(row, temperature) for row in uniform]

    def loss_on(self, documents: Dataset, n: int) -> float:
        """The loss of the current weights on other documents."""
        lengths = documents.lengths[:n].tolist()
        with np.errstate(all="ignore"):
            losses = [
                float(document_loss(self.weights.variables, row[: length + 1], self.n_fired).data)
                for row, length in zip(documents.tokens[:n], lengths, strict=True)
            ]
        return float(np.average(losses, weights=lengths))

    def _generate(self, uniform: NDArray[np.float64], temperature: float) -> str:
        """A document whose token at each place [T] is drawn with this number."""
        dataset, w = self.task.dataset, self.weights.variables
        h, ids = None, [dataset.boundary]
        for place in range(dataset.block_size):
            h = next_state(w, h, ids[-1], place, self.n_fired)
            scores = h.data @ w["lm_head"].data
            if not np.isfinite(scores).all():
                raise EetuiError("The weights are no longer finite, so nothing can be generated.")
            ids.append(int(choose(scores[None], temperature, uniform[place : place + 1])[0]))
            if ids[-1] == dataset.boundary:
                break
        return dataset.decode(ids)


RNN = OneDocumentContestant(
    "rnn",
    "A vanilla recurrent net on NumPy's tensors, with momentum: brief-ds's.",
    partial(RecurrentLearner, n_fired=0, rate=0.01),
    model=f"a recurrent net with a state of {N_STATE}",
)
RNN_SPARSE = OneDocumentContestant(
    "rnn-sparse",
    "A recurrent net of which only the largest features fire, with momentum: brief-ds's.",
    partial(RecurrentLearner, n_fired=N_FIRED, rate=0.005),
    model=f"a recurrent net with a state of {N_STATE} of which {N_FIRED} fire",
)
