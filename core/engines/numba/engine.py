"""The Numba engine: explicit SIMD compiled on this machine, no compiler needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eetui.core import clocks, cpu
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines import availability
from eetui.core.engines.arguments import (
    at_hand,
    check_dataset,
    check_documents,
    check_fit,
    check_state,
    check_vector,
    steps_of,
)
from eetui.core.engines.base import PHASES, Gradients, Progress, StepReport
from eetui.core.engines.numba.plan import COUNTS
from eetui.core.errors import EngineError
from eetui.core.model.sampling import generate
from eetui.core.model.state import TrainState, Vector, aligned_zeros
from eetui.core.optimizations import Optimizations, Value, labels
from eetui.core.text import visible

if TYPE_CHECKING:
    from eetui.core.engines.numba.workspace import Workspace

WIDTHS = (16, 8, 4, 1)

ALWAYS = {
    "prefix_sharing": (False, "computes every position of every document"),
    "products": ("tiles", "works in register tiles"),
    "fused": (True, "folds ReLU and residual into its products"),
    "adam": ("vector", "updates the weights by vectors, after the backward pass"),
    "flush_denormals": (True, "flushes denormal numbers to zero"),
    "work_order": ("batch", "works on the whole batch"),
    "threads": (1, "uses one thread"),
}
"""The toggles that have one value in this engine, and what it does in words."""


class NumbaEngine:
    """Whole runs of steps in one call that holds no lock; see docs/engine-numba.md.

    Safe to use from several threads: compiling is done once, and calls of one engine take turns
    because they share its scratch memory.
    """

    name = "numba"
    summary = "Explicit SIMD compiled for this CPU by Numba: fast, and needs no compiler."

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workspace: Workspace | None = None
        self._checked: Dataset | None = None

    def instruction_set(self, optimizations: Optimizations) -> str:
        """The CPU's vector set and the lanes in use, such as 'AVX-512 x16', or 'scalar'."""
        if optimizations.vector_width == 1:
            return "scalar"
        host = cpu.detect()
        split = " (split)" if optimizations.vector_width > host.lanes else ""
        return f"{host.instruction_set} x{optimizations.vector_width}{split}"

    def default_optimizations(self) -> Optimizations:
        """Everything on, at the widest vectors that this CPU's registers hold."""
        fixed: dict[str, Any] = {key: value for key, (value, _) in ALWAYS.items()}
        return Optimizations(vector_width=cpu.detect().lanes, **fixed)

    def why_not(self, key: str, value: Value) -> str:
        """Empty if the toggle can take the value on this CPU, else why not in a sentence."""
        if key == "products" and value != ALWAYS[key][0]:
            return availability.undriven(str(value), self.name)
        if key in ALWAYS and value != ALWAYS[key][0]:
            return f"The numba engine always {ALWAYS[key][1]}."
        host = cpu.detect()
        if key == "vector_width" and int(value) > host.lanes:
            return (
                f"This CPU has {host.instruction_set}, whose registers hold {host.lanes} floats: "
                f"{value} lanes would only be split."
            )
        return ""

    def conflict(self, optimizations: Optimizations) -> str:
        """Always empty: every toggle works with every other."""
        return ""

    def multiply_adds(self, rounds: int) -> int:
        """Run chains of multiply-adds; compiles them the first time, or loads them from disk."""
        from eetui.core.engines.numba.chains import CHAINS, chains, width

        chains()(rounds)
        return 2 * CHAINS * width() * rounds

    def is_ready(self, model: ModelConfig, optimizations: Optimizations) -> bool:
        """Whether the kernel of this vector width is compiled; one serves every shape."""
        import sys

        module = sys.modules.get("eetui.core.engines.numba.compile")
        return module is not None and bool(module.is_compiled(optimizations.vector_width))

    def prepare(
        self, model: ModelConfig, optimizations: Optimizations, progress: Progress | None = None
    ) -> None:
        """Load Numba and the kernel; compiles it where no cache has it. Any thread may call."""
        self._check(optimizations)
        if self.is_ready(model, optimizations):
            return
        if progress is not None:
            progress("Loading Numba ...")
        try:
            from eetui.core.engines.numba.compile import kernel
        except (ImportError, OSError) as error:
            raise EngineError(
                f"Numba cannot be loaded ({visible(str(error), 60)}): use another engine, or allow "
                "more memory."
            ) from error
        kernel(optimizations.vector_width, progress)

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
        """Advance `state` by one step a row of `documents`; raises `EngineError` on bad shapes."""
        rows, rates = steps_of(documents, learning_rates)
        losses = np.zeros(len(rows), np.float32)
        if not len(rows):
            return StepReport(losses, 0, np.zeros(len(PHASES), np.int64) if profile else None)
        ticks = np.zeros(len(PHASES) + 1, np.int64)
        counts = np.zeros(len(COUNTS), np.int64)
        check_state(state, model)
        spent = self._call(
            state.params, dataset, model, optimizations, rows, losses,
            update=True, muon=optimizations.optimizer == "muon", step=state.step, profile=profile,
            phases=ticks.ctypes.data, counts=counts.ctypes.data,
            learning_rates=rates.ctypes.data, m=state.m.ctypes.data, v=state.v.ctypes.data,
            beta1=train.beta1, beta2=train.beta2, eps=train.eps,
        )  # fmt: skip
        state.step += len(rows)
        if not profile:
            return StepReport(losses, spent.wall_ns, None, spent.cpu_ns)
        scale = spent.wall_ns / max(int(ticks[-1]), 1)
        phase_ns = (ticks[:-1] * scale).astype(np.int64)
        counted = dict(zip(COUNTS, counts.tolist(), strict=True))
        return StepReport(losses, spent.wall_ns, phase_ns, spent.cpu_ns, counted)

    generate = staticmethod(generate)

    def gradients(
        self,
        state: TrainState,
        dataset: Dataset,
        model: ModelConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
    ) -> Gradients:
        """The loss and gradients of one batch `documents` [batch]; `state` is left as it is."""
        rows = np.ascontiguousarray(documents, dtype=np.int32)[None]
        losses = np.zeros(1, np.float32)
        grads = aligned_zeros(model.n_params)
        self._call(
            state.params, dataset, model, optimizations, rows, losses,
            update=False, step=state.step, profile=False, grads=grads.ctypes.data,
        )  # fmt: skip
        return Gradients(float(losses[0]), grads)

    def evaluate(
        self,
        params: Vector,
        dataset: Dataset,
        model: ModelConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
    ) -> NDArray[np.float32]:
        """The mean loss of each row of `documents` [n_batches, batch], nats; forward only."""
        rows = np.ascontiguousarray(documents, dtype=np.int32)
        losses = np.zeros(len(rows), np.float32)
        if len(rows):
            self._call(
                params, dataset, model, optimizations, rows, losses,
                forward_only=True, update=False, profile=False,
            )  # fmt: skip
        return losses

    def _call(
        self,
        params: Vector,
        dataset: Dataset,
        model: ModelConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
        losses: NDArray[np.float32],
        forward_only: bool = False,
        **fields: float,
    ) -> clocks.Spent:
        """Check everything that the kernel will not, call it and return the time that it took."""
        self._check(optimizations)
        dataset, documents = at_hand(dataset, documents)
        if dataset is not self._checked:
            check_dataset(dataset)
            self._checked = dataset  # nothing changes a data set, so once is enough
        check_vector(params, model)
        check_fit(dataset, model)
        check_documents(documents, dataset)
        from eetui.core.engines.numba.compile import kernel
        from eetui.core.engines.numba.workspace import Workspace

        train = kernel(optimizations.vector_width)
        with self._lock:
            if self._workspace is None or self._workspace.model != model:
                self._workspace = Workspace(model)
            space = self._workspace
            space.set(
                padding_skip=optimizations.padding_skip, fast_exp=optimizations.fast_exp,
                n_steps=len(documents), batch=documents.shape[1], forward_only=forward_only,
                params=params.ctypes.data, tokens=dataset.tokens.ctypes.data,
                lengths=dataset.lengths.ctypes.data, documents=documents.ctypes.data,
                losses=losses.ctypes.data, **fields,
            )  # fmt: skip
            start = clocks.now()
            train(space.plan.ctypes.data)
            return clocks.since(start)

    def _check(self, optimizations: Optimizations) -> None:
        for key in labels(optimizations):
            value = getattr(optimizations, key)
            reason = self.why_not(key, value)
            if reason and key != "vector_width":  # wider vectors are split, and compute the same
                raise EngineError(reason)
