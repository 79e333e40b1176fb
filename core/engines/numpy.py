"""The reference as an engine: plain NumPy in float32, slow, honest and ready at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eetui.core import clocks
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.arguments import (
    check_dataset,
    check_documents,
    check_fit,
    check_state,
    check_vector,
    steps_of,
)
from eetui.core.engines.base import Gradients, Progress, StepReport
from eetui.core.errors import EngineError
from eetui.core.model import reference
from eetui.core.model.muon import muon
from eetui.core.model.sampling import generate
from eetui.core.model.state import TrainState, Vector
from eetui.core.optimizations import Optimizations, Value, labels

_BLAS_NAMES = {"openblas": "OpenBLAS", "mkl": "MKL", "accelerate": "Accelerate", "blis": "BLIS"}

_ALWAYS: dict[str, tuple[Value, str]] = {
    "fast_exp": (False, "NumPy has one exp, the accurate one"),
    "vector_width": (1, "NumPy picks the vector width of its loops itself"),
    "prefix_sharing": (False, "The numpy engine always computes every position"),
    "products": ("tiles", "NumPy's BLAS decides itself how and on what unit a product is computed"),
    "fused": (False, "The numpy engine always makes one pass an operation"),
    "adam": ("vector", "The numpy engine always updates whole vectors"),
    "flush_denormals": (False, "The numpy engine always keeps denormal numbers"),
    "work_order": ("batch", "The numpy engine always works on the whole batch"),
    "threads": (1, "NumPy's BLAS decides itself how many threads run a product"),
}
"""The toggles that have one value in this engine, and why."""


class NumpyEngine:
    """What trains while a faster engine compiles, and the plainest engine to compare with.

    Padding skip is real here; the other toggles have one value. Phases are not timed: forward
    and backward are the reference's, which carries no clocks.
    """

    name = "numpy"
    summary = "The reference in plain NumPy, float32: slow, nothing to compile."

    def __init__(self) -> None:
        self._checked: Dataset | None = None

    def instruction_set(self, optimizations: Optimizations) -> str:
        """NumPy and the BLAS library that it was built with, such as 'NumPy + OpenBLAS'."""
        build = np.show_config(mode="dicts") or {}
        blas = str(build.get("Build Dependencies", {}).get("blas", {}).get("name", "")).lower()
        known = (label for key, label in _BLAS_NAMES.items() if key in blas)
        return f"NumPy + {next(known, 'BLAS')}"

    def default_optimizations(self) -> Optimizations:
        """Padding skip on; the rest at the values that NumPy amounts to."""
        fixed: dict[str, Any] = {key: value for key, (value, _) in _ALWAYS.items()}
        return Optimizations(padding_skip=True, **fixed)

    def why_not(self, key: str, value: Value) -> str:
        """Empty for padding skip and the defaults, else a sentence on what NumPy does itself."""
        if key not in _ALWAYS or value == _ALWAYS[key][0]:
            return ""
        return f"{_ALWAYS[key][1]}: use another engine to change it."

    def conflict(self, optimizations: Optimizations) -> str:
        """Always empty."""
        return ""

    def multiply_adds(self, rounds: int) -> None:
        """None: NumPy has no call that only multiplies and adds in registers."""

    def is_ready(self, model: ModelConfig, optimizations: Optimizations) -> bool:
        """Always: there is nothing to compile."""
        return True

    def prepare(
        self, model: ModelConfig, optimizations: Optimizations, progress: Progress | None = None
    ) -> None:
        """Nothing to do."""

    def run(
        self,
        state: TrainState,
        dataset: Dataset,
        model: ModelConfig,
        train: TrainConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
        learning_rates: NDArray[np.float32],
        profile: bool = False,
    ) -> StepReport:
        """Advance `state` by one step a row of `documents`; `phase_ns` stays None."""
        rows, rates = steps_of(documents, learning_rates)
        check_state(state, model)
        losses = np.empty(len(rows), dtype=np.float32)
        self._check(state.params, dataset, model, optimizations, rows)
        start = clocks.now()
        for i, batch in enumerate(rows):
            with np.errstate(over="ignore", invalid="ignore"):  # A run that diverges says so.
                losses[i], grads = self._backward(state, dataset, model, optimizations, batch)
                vectors = (state.params, state.m, state.v)
                rate = float(rates[i])
                if optimizations.optimizer == "muon":
                    muon(model, *vectors, grads, state.step, rate, train)
                else:
                    reference.adam(*vectors, grads, state.step, rate, train)
            state.step += 1
        spent = clocks.since(start, alone=False)  # BLAS may start threads of its own
        return StepReport(losses, spent.wall_ns, None, spent.cpu_ns)

    generate = staticmethod(generate)

    def gradients(
        self,
        state: TrainState,
        dataset: Dataset,
        model: ModelConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
    ) -> Gradients:
        """The loss and gradients of one batch; raises `EngineError` for toggles not its own."""
        self._check(state.params, dataset, model, optimizations, np.asarray(documents)[None])
        with np.errstate(over="ignore", invalid="ignore"):
            return Gradients(*self._backward(state, dataset, model, optimizations, documents))

    def evaluate(
        self,
        params: Vector,
        dataset: Dataset,
        model: ModelConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
    ) -> NDArray[np.float32]:
        """The mean loss of each row of `documents` [n_batches, batch], nats; forward only."""
        self._check(params, dataset, model, optimizations, np.asarray(documents))
        with np.errstate(over="ignore", invalid="ignore"):
            return np.array(
                [reference.loss(params, model, *dataset.rows(batch)) for batch in documents],
                np.float32,
            )

    def _backward(
        self,
        state: TrainState,
        dataset: Dataset,
        model: ModelConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
    ) -> tuple[float, Vector]:
        rows = dataset.rows(documents)
        return reference.loss_and_gradients(state.params, model, *rows, optimizations.padding_skip)

    def _check(
        self,
        params: Vector,
        dataset: Dataset,
        model: ModelConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
    ) -> None:
        for key in labels(optimizations):
            if reason := self.why_not(key, getattr(optimizations, key)):
                raise EngineError(reason)
        if dataset.ready is not None and dataset is not self._checked:
            check_dataset(dataset)
            self._checked = dataset  # nothing changes a data set, so once is enough
        check_vector(params, model)
        check_fit(dataset, model)
        check_documents(documents, dataset)
