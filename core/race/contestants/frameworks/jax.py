"""JAX: hundreds of steps as one compiled loop, on the CPU and on a GPU."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eetui.core.model.state import Vector, layout, views
from eetui.core.race.contestant import Task
from eetui.core.race.contestants.frameworks.shapes import (
    batch_shapes,
    full_shape,
    smallest_shapes,
)
from eetui.core.race.contestants.frameworks.shared import FrameworkLearner, missing

if TYPE_CHECKING:
    from jax import Array, Device

Weights = dict[str, "Array"]

STRETCH = 512
"""Steps that the compiled loop takes at most in a call."""
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


class JaxContestant:
    """JAX with its compiler's fusion and no Python between the steps, one thread on the CPU."""

    model = ""
    extra = "jax"

    def __init__(self, name: str, summary: str, gpu: bool = False) -> None:
        self.name = name
        self.summary = summary
        self._gpu = gpu

    def why_not(self) -> str:
        """Empty, or what is missing: JAX, or a GPU that it can use."""
        if reason := missing("jax", "jax"):
            return reason
        if self._gpu and gpu() is None:
            return "JAX finds no GPU here: its CUDA build is pip install 'jax[cuda13]'."
        return ""

    def start(self, task: Task) -> JaxLearner:
        """Move data and weights to the device and compile the loop."""
        _limit_threads()
        import jax

        place = gpu() if self._gpu else None
        return JaxLearner(task, place or jax.devices("cpu")[0])


def _limit_threads() -> None:
    """One thread, which JAX reads from the environment when it is loaded for the first time."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "jax" not in sys.modules and ONE_THREAD not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {ONE_THREAD}".strip()


def gpu() -> Device | None:
    """The GPU that JAX can use here, or None."""
    _limit_threads()
    import jax

    return next((d for d in jax.devices() if d.platform != "cpu"), None)


class JaxLearner(FrameworkLearner):
    """The state as JAX keeps it, and the compiled loop."""

    def __init__(self, task: Task, place: Device) -> None:
        import jax

        from eetui.core.race.contestants.frameworks.jax_step import take_steps

        super().__init__(task)
        on_cpu = place.platform == "cpu"
        self.detail = f"JAX {jax.__version__} on {'CPU' if on_cpu else place.device_kind}"
        # A choice of shapes would make a GPU wait for the CPU, and padding costs it little.
        self._shapes = batch_shapes(task) if on_cpu else [full_shape(task)]
        put = partial(jax.device_put, device=place)
        self._put = put
        data = task.dataset
        self._data = (put(data.tokens.astype(np.int32)), put(data.lengths))
        matrices = views(task.model, task.initial.astype(np.float32))
        w = {name: put(matrix) for name, matrix in matrices.items()}
        zeros = {name: put(np.zeros_like(matrix)) for name, matrix in matrices.items()}
        self._start: Any = (w, zeros, {**zeros}, put(np.float32(0.0)))
        run = jax.jit(partial(take_steps, task.model, task.train, tuple(self._shapes)))
        nothing = np.zeros((0, self.batch), np.int32), np.zeros(0, np.float32)
        self._run = run.lower(self._data, self._start, *self._plan(*nothing)).compile()
        # It gives a new state and leaves the old one alone: trying it out changes nothing.
        self._advanced(self._start, task.documents(0, 1, self.batch), np.zeros(1, np.float32))
        self._state = self._start

    def _plan(self, documents: NDArray[np.int32], rates: NDArray[np.float32]) -> Any:
        """What the compiled loop takes for these steps [n]: their plan, filled up, and n."""
        n = len(rates)
        rows = np.zeros((STRETCH, self.batch), np.int32)
        chosen, filled = np.zeros(STRETCH, np.int32), np.zeros(STRETCH, np.float32)
        rows[:n], filled[:n] = documents, rates
        chosen[:n] = smallest_shapes(self._shapes, self.task.dataset.lengths[documents])
        return tuple(map(self._put, (rows, chosen, filled))), self._put(np.int32(n))

    def _advanced(
        self, state: Any, documents: NDArray[np.int32], rates: NDArray[np.float32]
    ) -> tuple[Any, Any]:
        """The state after at most STRETCH steps, and their losses, which may be on their way."""
        after, losses = self._run(self._data, state, *self._plan(documents, rates))
        return after, losses[: len(rates)]

    def steps(
        self, documents: NDArray[np.int32], rates: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The steps in stretches, waited for only at the end."""
        losses = []
        for at in range(0, len(rates), STRETCH):
            part = slice(at, at + STRETCH)
            self._state, found = self._advanced(self._state, documents[part], rates[part])
            losses.append(found)
        return np.concatenate([np.asarray(found) for found in losses])

    def gradients(self, documents: NDArray[np.int32]) -> tuple[float, Vector]:
        """Read from Adam's first moment after a step without a rate, so of the compiled code."""
        start = (self._state[0], *self._start[1:])
        after, losses = self._advanced(start, documents[None], np.zeros(1, np.float32))
        return float(losses[0]), self._flat(after[1]) / np.float32(1 - self.task.train.beta1)

    def params(self) -> Vector:
        return self._flat(self._state[0])

    def _flat(self, matrices: Weights) -> Vector:
        parts = [np.asarray(matrices[tensor.name]) for tensor in layout(self.task.model)]
        return np.concatenate([part.reshape(-1) for part in parts])


JAX = JaxContestant("jax", "JAX, hundreds of steps compiled into one loop, batches.")
JAX_GPU = JaxContestant("jax+gpu", "JAX on the GPU, the same compiled loop.", gpu=True)
