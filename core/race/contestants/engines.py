"""This project's own engines as contestants of the race."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.errors import EngineError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations, Value
from eetui.core.race.contestant import Task, Work
from eetui.core.race.contestants.transformer_loss import transformer_loss
from eetui.core.race.work import matrix_operations

UNITS: tuple[Value, ...] = ("sme2", "amx", "amx-split", "outer")
"""Matrix units, and the tile that emulates one."""


class EngineContestant:
    """An engine of `core.engines.registry`, everything on, one thread.

    products: what may compute its products; the first that works here is used.
    """

    model = ""
    extra = ""

    def __init__(
        self, name: str, engine: str, summary: str, products: tuple[Value, ...] = ("tiles",)
    ) -> None:
        self.name = name
        self.summary = summary
        self._engine = engine
        self._products = products

    def why_not(self) -> str:
        """Empty, or why the engine or what should compute its products is missing."""
        try:
            engine = registry.create(self._engine)
        except EngineError as error:
            return str(error)
        reasons = [engine.why_not("products", value) for value in self._products]
        return " ".join(dict.fromkeys(reasons)) if all(reasons) else ""

    def optimizations(self, engine: Engine) -> Optimizations:
        """Its toggles; raises `EngineError` if nothing of `products` works here."""
        best = engine.default_optimizations()
        for value in self._products:
            if not engine.why_not("products", value):
                return best.with_value("products", value)
        raise EngineError(f"{self.name} cannot race here: {self.why_not()}")

    def start(self, task: Task) -> EngineLearner:
        """Compile or load the engine for the task, and let it allocate its memory."""
        engine = registry.create(self._engine)
        optimizations = self.optimizations(engine)
        engine.prepare(task.model, optimizations)
        EngineLearner(engine, optimizations, task).advance(1)
        return EngineLearner(engine, optimizations, task)


class EngineLearner:
    """An engine and the state that it advances."""

    def __init__(self, engine: Engine, optimizations: Optimizations, task: Task) -> None:
        self.n_params = task.model.n_params
        self.batch = task.train.batch
        self._optimizations = optimizations
        self.detail = engine.instruction_set(optimizations)
        self._engine = engine
        self._task = task
        self._state = TrainState.create(task.model, task.train.seed)
        self._state.params[:] = task.initial

    def advance(self, n_steps: int) -> NDArray[np.float64]:
        """Take n steps in one call of the engine; the loss of each [n_steps]."""
        task, first = self._task, self._state.step
        report = self._engine.run(
            self._state,
            task.dataset,
            task.model,
            task.train,
            self._optimizations,
            task.documents(first, n_steps, self.batch),
            task.learning_rates(first, n_steps).astype(np.float32),
        )
        return report.losses.astype(np.float64)

    def work(self) -> Work:
        """The matrix operations of a step, which the documents of its batch share."""
        return Work(matrix_operations(self._task.model), "matrix operations", self.batch)

    def generate(self, n: int, temperature: float, seed: int) -> list[str]:
        """n documents generated with the current weights."""
        task = self._task
        return self._engine.generate(
            self._state.params, task.model, task.dataset, n, temperature, seed=seed
        )

    def loss_on(self, documents: Dataset, n: int) -> float:
        """The loss of the current weights on other documents."""
        return transformer_loss(self._state.params, self._task.model, documents, n)


NUMBA = EngineContestant(
    "numba", "numba", "This project's kernels, compiled by Numba: float32, batches."
)
NATIVE = EngineContestant("native", "native", "This project's kernels in C: float32, batches.")
MATRIX = EngineContestant(
    "native+matrix",
    "native",
    "The same with its products on a matrix unit, or in an emulated tile where there is none.",
    UNITS,
)
