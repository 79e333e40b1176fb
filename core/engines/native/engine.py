"""The native engine: the algorithm in C, with each of its optimizations as a live toggle."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eetui.core import clocks, cpu
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines import availability
from eetui.core.engines.arguments import (
    at_hand,
    check_arrays,
    check_fit,
    check_state,
    check_vector,
    steps_of,
)
from eetui.core.engines.base import PHASES, Gradients, Progress, StepReport
from eetui.core.engines.native.library import (
    COUNTS,
    ISA_VARIABLE,
    NO_MATRIX,
    NOT_A_NUMBER,
    NOT_BUILT,
    NOT_WITH,
    PRODUCTS,
    REFUSED,
    Library,
    Run,
    Sample,
    Unit,
    load,
    new_job,
)
from eetui.core.errors import EetuiError, EngineError
from eetui.core.model.sampling import require_samplable
from eetui.core.model.state import TrainState, Vector, aligned_zeros
from eetui.core.optimizations import AUTO_THREADS, Optimizations, Value, labels

ADAM = {"scalar": 0, "vector": 1, "fused": 2}
PRODUCTS_WORDS = {
    "rows": "",
    "tiles": "",
    "outer": "emulated tile",
    "sme2": "SME2",
    "amx-split": "AMX bf16 x3",
    "amx": "AMX bf16",
    "bf16": "bf16",
}
"""What computes the products, in words for the status line."""


class NativeEngine:
    """Whole runs of steps in one call of C that holds no lock; src/ has it.

    Safe to use from several threads: calls of one engine take turns because they share its
    scratch memory. Raises `EngineError` when created where the library was not built.
    """

    name = "native"
    summary = "C compiled for every instruction set and picked for this CPU: the fastest."

    def __init__(self, library: Library | None = None) -> None:
        self._library = library or load()
        self._units = {unit.lanes: unit for unit in self._library.usable_units()}
        self._turn = threading.Lock()
        self._memory: NDArray[np.uint8] = aligned_zeros(64, np.uint8)
        self._pool: tuple[int, int] = (1, 0)  # threads, handle
        self._end_pool: weakref.finalize[Any, Any] | None = None

    def unit(self, optimizations: Optimizations) -> Unit:
        """The kernels that these toggles run on; raises `EngineError` if there are none."""
        reason = self.why_not("vector_width", optimizations.vector_width)
        if reason:
            raise EngineError(reason)
        return self._units[optimizations.vector_width]

    def instruction_set(self, optimizations: Optimizations) -> str:
        """The instruction set and the lanes in use, such as 'AVX-512 x16', or 'scalar'."""
        unit = self.unit(optimizations)
        vectors = unit.name if unit.lanes == 1 else f"{unit.name} x{unit.lanes}"
        products = PRODUCTS_WORDS[optimizations.products]
        return f"{vectors} + {products}" if products else vectors

    def default_optimizations(self) -> Optimizations:
        """Everything on but threads, with register tiles at the widest vectors of this CPU."""
        return Optimizations(vector_width=max(self._units), prefix_sharing=True, adam="fused")

    def why_not(self, key: str, value: Value) -> str:
        """Empty if the toggle can take the value on this machine, else why not in a sentence."""
        if key == "vector_width" and value not in self._units:
            have = ", ".join(unit.name for unit in self._units.values())
            return f"{value} lanes: this build has {have} for this CPU."
        cores = cpu.detect().cores
        if key == "threads" and value == AUTO_THREADS and cores == 1:
            return "auto: eetui may use 1 core here."
        if key == "threads" and int(value) > cores:
            return f"{value} threads: eetui may use {cores} here."
        if key == "products":
            return self._why_no_products(str(value))
        return ""

    def _why_no_products(self, value: str) -> str:
        """Empty if any of the usable units can compute them so, else the reason of the widest."""
        codes = [self._library.products_code(value, unit.place) for unit in self._units.values()]
        if 0 in codes:
            return ""
        unit = availability.UNIT_NAMES.get(value, value)
        reasons = {
            NO_MATRIX: availability.missing(value) or f"{unit}: the C library does not find it.",
            REFUSED: f"{unit}: the kernel refused the permission.",
            NOT_WITH: f"{unit}: {ISA_VARIABLE} keeps out the vectors that it works with.",
            NOT_BUILT: f"{unit}: the compiler that built eetui does not know it: install a newer "
            "one (for SME2 clang 18 or gcc 14, for AMX and bf16 gcc 11), and then eetui again.",
        }
        return reasons.get(codes[-1], f"{unit}: refused with code {codes[-1]}.")

    def conflict(self, optimizations: Optimizations) -> str:
        """Empty unless the products ask for vectors of another width."""
        products = optimizations.products
        if not self._library.products_code(products, self.unit(optimizations).place):
            return ""
        units = self._units.values()
        fit = [u for u in units if not self._library.products_code(products, u.place)]
        lanes = " or ".join(str(u.lanes) for u in fit)
        return f"Products by {products} work with vectors of {lanes} lanes."

    def multiply_adds(self, rounds: int) -> int:
        """Run independent multiply-adds on the widest vectors; gives the operations done."""
        return self._library.multiply_adds(self._units[max(self._units)].place, rounds)

    def is_ready(self, model: ModelConfig, optimizations: Optimizations) -> bool:
        """Always: everything was compiled when eetui was installed."""
        return True

    def prepare(
        self, model: ModelConfig, optimizations: Optimizations, progress: Progress | None = None
    ) -> None:
        """Nothing but to check the toggles; raises `EngineError` for one that is impossible."""
        self._check(optimizations)

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
        ticks = np.zeros(len(PHASES) + 1, np.int64)
        counts = np.zeros((_threads(optimizations), len(COUNTS)), np.int64)
        check_state(state, model)
        spent = self._call(
            state.params, dataset, model, optimizations, rows, losses,
            step=state.step, profile=profile, ticks=ticks.ctypes.data,
            counts=counts.ctypes.data,
            rates=rates.ctypes.data, m=state.m.ctypes.data, v=state.v.ctypes.data,
            beta1=train.beta1, beta2=train.beta2, eps=train.eps,
        )  # fmt: skip
        state.step += len(rows)
        done = _counted(counts)
        if not profile:
            return StepReport(losses, spent.wall_ns, None, spent.cpu_ns, done)
        scale = spent.wall_ns / max(int(ticks[-1]), 1)
        phase_ns = (ticks[:-1] * scale).astype(np.int64)
        return StepReport(losses, spent.wall_ns, phase_ns, spent.cpu_ns, done)

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
        if rows.ndim != 2:
            raise EngineError("Gradients are computed for one batch: documents [batch].")
        losses = np.zeros(1, np.float32)
        grads = aligned_zeros(model.n_params)
        self._call(
            state.params, dataset, model, optimizations, rows, losses, grads=grads.ctypes.data
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
        if rows.ndim != 2:
            raise EngineError("Losses are computed for batches: documents [n_batches, batch].")
        losses = np.zeros(len(rows), np.float32)
        self._call(params, dataset, model, optimizations, rows, losses, forward_only=True)
        return losses

    def generate(
        self,
        params: Vector,
        model: ModelConfig,
        dataset: Dataset,
        n: int,
        temperature: float = 0.5,
        prefix: str = "",
        seed: int = 0,
        optimizations: Optimizations | None = None,
    ) -> list[str]:
        """n generated documents, as model/sampling.py's generate, from the same random numbers.

        They are the same documents but where rounding decides. Raises `UsageError` where nothing
        can be generated, and `EetuiError` if the weights are no longer finite.
        """
        forced = np.array(require_samplable(model, dataset, temperature, prefix), np.int32)
        if params.shape != (model.n_params,) or params.dtype != np.float32:
            raise EngineError(
                f"The weights are not those of this model ({model.n_params} float32)."
            )
        on = optimizations or self.default_optimizations()
        self._check(on)
        if not n:
            return []
        weights = np.ascontiguousarray(params)
        uniform = np.random.default_rng(seed).random((n, model.block_size))
        tokens = np.empty((n, model.block_size), np.uint8)
        job = new_job(
            Sample,
            **shape_fields(model),
            unit=self.unit(on).place,
            fast_exp=on.fast_exp,
            products=PRODUCTS.index("rows" if on.products == "rows" else "tiles"),
            fused=on.fused,
            flush_denormals=on.flush_denormals,
            n=n,
            n_forced=len(forced),
            temperature=temperature,
            params=weights.ctypes.data,
            forced=forced.ctypes.data,
            uniform=uniform.ctypes.data,
            tokens=tokens.ctypes.data,
        )
        with self._turn:
            self._lend_memory(job)
            if self._library.call(job) == NOT_A_NUMBER:
                raise EetuiError("The weights are no longer finite, so nothing can be generated.")
        return _texts(tokens, dataset)

    def _call(
        self,
        params: Vector,
        dataset: Dataset,
        model: ModelConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
        losses: NDArray[np.float32],
        **fields: Any,
    ) -> clocks.Spent:
        """Check what the library cannot see, call it and return the time that it took."""
        self._check(optimizations)
        check_vector(params, model)
        check_fit(dataset, model)
        dataset, documents = at_hand(dataset, documents)
        check_arrays(dataset)
        on = optimizations
        job = new_job(
            Run,
            **shape_fields(model),
            unit=self.unit(on).place,
            padding_skip=on.padding_skip,
            prefix_sharing=on.prefix_sharing,
            fast_exp=on.fast_exp,
            fused=on.fused,
            adam=ADAM[on.adam],
            flush_denormals=on.flush_denormals,
            by_sample=on.work_order == "sample",
            threads=_threads(on),
            products=PRODUCTS.index(on.products),
            muon=on.optimizer == "muon",
            n_steps=len(documents),
            batch=documents.shape[1],
            n_docs=len(dataset.lengths),
            params=params.ctypes.data,
            tokens=dataset.tokens.ctypes.data,
            lengths=dataset.lengths.ctypes.data,
            documents=documents.ctypes.data,
            losses=losses.ctypes.data,
            **fields,
        )
        with self._turn:
            self._lend_memory(job)
            job.pool = self._pool_of(_threads(on))
            start = clocks.now()
            self._library.call(job)
            return clocks.since(start, alone=_threads(on) == 1)

    def _lend_memory(self, job: Any) -> None:
        """Give a job scratch memory, which grows to the largest that was asked for."""
        needed = self._library.memory(job)
        if needed > self._memory.nbytes:
            self._memory = aligned_zeros(needed, np.uint8)
        job.memory, job.memory_bytes = self._memory.ctypes.data, self._memory.nbytes

    def _pool_of(self, threads: int) -> int | None:
        """The handle of at least so many threads, started once and kept; None for one."""
        if threads == 1:
            return None
        if self._pool[0] < threads:
            if self._end_pool is not None:
                self._end_pool()
            handle = self._library.create_pool(threads)
            self._pool = (threads, handle)
            self._end_pool = weakref.finalize(self, self._library.destroy_pool, handle)
        return self._pool[1]

    def _check(self, optimizations: Optimizations) -> None:
        for key in labels(optimizations):
            if reason := self.why_not(key, getattr(optimizations, key)):
                raise EngineError(reason)
        if reason := self.conflict(optimizations):
            raise EngineError(reason)


def _threads(optimizations: Optimizations) -> int:
    """How many threads work: who follows what is fastest gives their number at every call."""
    return max(optimizations.threads, 1)


def _counted(counts: NDArray[np.int64]) -> dict[str, int]:
    """The counts of all threads together, and how many threads had documents to train on."""
    total = dict(zip(COUNTS, counts.sum(axis=0).tolist(), strict=True))
    at_work = int(np.count_nonzero(counts[:, COUNTS.index("rows")]))
    return total | {"lanes": int(counts[0, COUNTS.index("lanes")]), "threads": at_work}


def _texts(tokens: NDArray[np.uint8], dataset: Dataset) -> list[str]:
    """Rows of tokens as texts, all at once; boundaries fill up each row."""
    if "\0" in dataset.vocabulary:
        return [dataset.decode(row) for row in tokens.tolist()]
    codes = np.array([*map(ord, dataset.vocabulary), 0], np.uint32)
    texts: list[str] = codes[tokens].view(f"<U{tokens.shape[1]}")[:, 0].tolist()
    return texts


def shape_fields(model: ModelConfig) -> dict[str, int]:
    """The model as the library's structs have it."""
    return {
        "d_model": model.d_model,
        "n_heads": model.n_heads,
        "n_layers": model.n_layers,
        "block_size": model.block_size,
        "vocab": model.vocab_size,
        "squared": int(model.activation == "relu2"),
    }
