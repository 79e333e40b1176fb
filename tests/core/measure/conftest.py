"""An engine whose steps take the time that a script says, on a clock of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines.base import PHASES, StepReport
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.engines.subject import Subject
from eetui.core.measure.comparison import Arm
from eetui.core.optimizations import Optimizations, find_optimization

NO_UNIT = "There is no matrix unit here."


class Clock:
    """Seconds that pass only when an engine runs or somebody rests."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.rests = 0

    def __call__(self) -> float:
        return self.seconds

    def rest(self, seconds: float) -> None:
        self.seconds += seconds
        self.rests += 1


class ScriptedEngine(NumpyEngine):
    """`us(optimizations, batch)` a step, times `noise(seconds)` once a run; `share` of the core.

    It cannot do what `never` names. Every call is kept.
    """

    name = "scripted"

    def __init__(
        self,
        us: Callable[[Optimizations, int], float] = lambda optimizations, batch: 100.0,
        noise: Callable[[float], float] = lambda seconds: 1.0,
        share: float = 1.0,
        *,
        has_cpu_clock: bool = True,
    ) -> None:
        super().__init__()
        units = find_optimization("products").values[2:]
        self.never: dict[tuple[str, object], str] = {("products", v): NO_UNIT for v in units}
        self.clock = Clock()
        self.us, self.noise, self.share = us, noise, share
        self.has_cpu_clock = has_cpu_clock
        self.calls: list[tuple[Optimizations, np.ndarray, bytes, int]] = []
        self.losses: Callable[..., float] = lambda state, train, optimizations: 2.0

    def why_not(self, key, value):
        return self.never.get((key, value), "")

    def conflict(self, optimizations):
        return ""

    def instruction_set(self, optimizations):
        return "clockwork"

    def default_optimizations(self):
        return Optimizations()

    def prepare(self, model, optimizations, progress=None) -> None:
        pass

    def run(self, state, dataset, model, train, optimizations, documents, rates, profile=False):
        n, batch = documents.shape
        self.calls.append((optimizations, documents, state.params.tobytes(), state.step))
        us = n * self.us(optimizations, batch) * self.noise(self.clock.seconds)
        self.clock.seconds += us / 1e6 / self.share
        state.step += n
        state.params += 1
        ns = np.full(len(PHASES), 1000 * n) if profile else None
        cpu_ns = int(us * 1e3) if self.has_cpu_clock else None
        losses = np.full(n, self.losses(state, train, optimizations), np.float32)
        return StepReport(losses, int(us * 1e3 / self.share), ns, cpu_ns)

    def evaluate(self, params, dataset, model, optimizations, documents):
        self.judged = (dataset, documents)
        return np.full(len(documents), params.mean(), np.float32)


@pytest.fixture(scope="session")
def subject() -> Subject:
    """The shipped names and a model so small that it costs nothing."""
    return Subject(load_dataset(), ModelConfig(d_model=4, n_heads=1), TrainConfig(batch=4))


@pytest.fixture
def arm(subject) -> Callable[..., Arm]:
    """`arm(engine, padding_skip=False)`: the scripted engine with a toggle set."""

    def make(engine: ScriptedEngine, label: str = "", **toggles) -> Arm:
        return Arm(label, subject, engine, Optimizations(**toggles))

    return make


@pytest.fixture
def scripted() -> type[ScriptedEngine]:
    """The class of engines that do as they are told."""
    return ScriptedEngine
