"""What an engine is: a stateless way to advance a TrainState by n steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eetui.core.clocks import ClockName
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.model.state import TrainState, Vector
from eetui.core.optimizations import Optimizations, Value

PHASES = (
    "batch_assembly",
    "norms_embedding",
    "forward_products",
    "attention",
    "softmax_loss",
    "backward_products",
    "weight_gradients",
    "adam",
    "muon",
)
"""The parts of a step that a profiled run times, in the order in which they first occur."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What `run` gives back: losses [n_steps] in nats, times, and what a profiled run tells.

    phase_ns: nanoseconds of each of PHASES. counts: what was counted where the work is done, by its
    name, so that a toggle can be seen to do something; an engine counts what it has toggles for.

    elapsed_ns: wall time. cpu_ns: what the calling thread really ran of it; None if other threads
    worked as well, or where the system has no such clock.
    """

    losses: NDArray[np.float32]
    elapsed_ns: int
    phase_ns: NDArray[np.int64] | None = None
    cpu_ns: int | None = None
    counts: Mapping[str, int] | None = None

    @property
    def clock(self) -> ClockName:
        """The clock that tells what the steps cost."""
        return "wall" if self.cpu_ns is None else "cpu"

    @property
    def us_per_step(self) -> float:
        """Microseconds a step by that clock."""
        ns = self.elapsed_ns if self.cpu_ns is None else self.cpu_ns
        return ns / 1e3 / max(len(self.losses), 1)


@dataclass(frozen=True, slots=True)
class Gradients:
    """The mean loss of one batch (nats) and its gradient [n_params]."""

    loss: float
    grads: Vector


Progress = Callable[[str], None]


class Engine(Protocol):
    """Scratch memory may be kept between calls; anything that decides a result may not."""

    name: str
    summary: str

    def instruction_set(self, optimizations: Optimizations) -> str:
        """What runs, in words for the status line, such as 'AVX-512 x16'."""

    def default_optimizations(self) -> Optimizations:
        """The fastest toggles that this engine has on this CPU."""

    def why_not(self, key: str, value: Value) -> str:
        """Empty if the toggle `key` can take `value` here, else one sentence that says why not."""

    def conflict(self, optimizations: Optimizations) -> str:
        """Empty if these toggles go together, each possible by itself, else why they don't."""

    def multiply_adds(self, rounds: int) -> int | None:
        """Run `rounds` rounds of independent multiply-adds on the widest vectors of this CPU.

        Nothing else is done, so that the core's peak can be told (see `peak.py`). Gives the
        floating-point operations, two for each multiply-add of each lane, or None if the engine
        has no such loop.
        """

    def is_ready(self, model: ModelConfig, optimizations: Optimizations) -> bool:
        """Whether `run` would start at once, without compiling."""

    def prepare(
        self, model: ModelConfig, optimizations: Optimizations, progress: Progress | None = None
    ) -> None:
        """Compile or load what `run` needs; may take seconds and may be called from any thread."""

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
        """Advance `state` in place by one step for each row of `documents` [n_steps, batch]."""

    def generate(
        self,
        params: Vector,
        model: ModelConfig,
        dataset: Dataset,
        n: int,
        temperature: float = 0.5,
        prefix: str = "",
        seed: int = 0,
    ) -> list[str]:
        """n documents as `core.sampling.generate` makes them, but where rounding decides."""

    def gradients(
        self,
        state: TrainState,
        dataset: Dataset,
        model: ModelConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
    ) -> Gradients:
        """The loss and gradients of one batch `documents` [batch]; `state` is left as it is."""

    def evaluate(
        self,
        params: Vector,
        dataset: Dataset,
        model: ModelConfig,
        optimizations: Optimizations,
        documents: NDArray[np.int32],
    ) -> NDArray[np.float32]:
        """The mean loss of each row of `documents` [n_batches, batch], nats; forward only."""
