"""How fast a step is, and what share of the core's peak that is: calibrate, warm up, repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter_ns

import numpy as np

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.batches import documents, learning_rates
from eetui.core.data.dataset import Dataset
from eetui.core.engines import peak
from eetui.core.engines.base import PHASES, Engine
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations, labels

DEFAULT_REPEATS = 7
MAX_REPEATS = 1000
RUN_SECONDS = 0.15
"""Length that a repeat is calibrated to: long against the clock and a scheduler's slice."""
WARM_UP_SECONDS = 0.5
WARM_UP_STEPS = 300
"""Warming up ends with whichever of the two comes first; the first steps are not typical."""
PROFILED_RUNS = 3
MAX_STEPS_PER_RUN = 50_000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BenchReport:
    """A measurement; times in microseconds, rates in GFLOP/s, medians over the repeats.

    gflops is the nominal work of a step (`ModelConfig.flops_per_step`, whatever the engine skips)
    over its time; peak_gflops the measured float32 multiply-add peak of one core. phases_us are of
    separate runs with the clocks on, so they add up to about us_per_step; empty if the engine does
    not time its phases.
    """

    engine: str
    isa: str
    d_model: int
    n_heads: int
    n_layers: int
    block_size: int
    activation: str
    batch: int
    optimizations: dict[str, str]
    data: str
    seed: int
    repeats: int
    steps_per_run: int
    us_per_step: float
    us_per_step_min: float
    us_per_step_max: float
    us_per_step_runs: list[float]
    us_per_sample: float
    samples_per_second: float
    mflop_per_step: float
    gflops: float
    peak_gflops: float
    peak_gflops_runs: list[float]
    percent_of_peak: float
    phases_us: dict[str, float]


class Timer:
    """Runs stretches of steps from a given state, each from the same weights and documents.

    `state` is where it starts, a new one of the model by default. With a `cycle` the documents of
    that many steps come round again and again, so that stretches of any length do the same work
    a step.
    """

    def __init__(
        self,
        engine: Engine,
        dataset: Dataset,
        model: ModelConfig,
        train: TrainConfig,
        optimizations: Optimizations,
        state: TrainState | None = None,
        cycle: int | None = None,
    ) -> None:
        self.state = TrainState.create(model, train.seed) if state is None else state
        self.cycle = cycle
        self._engine = engine
        self._dataset = dataset
        self._model = model
        # A decaying rate would end at zero after a number of steps that depends on the speed.
        self._train = replace(train, schedule="constant")
        self._optimizations = optimizations

    def advance(self, n_steps: int) -> float:
        """Microseconds a step of the next steps, after which the state stays there."""
        return self._run(self.state, n_steps)[0]

    def repeat(self, n_steps: int) -> float:
        """Microseconds a step of the next steps, always the same ones."""
        return self._run(self.state.clone(), n_steps)[0]

    def phases(self, n_steps: int) -> dict[str, float]:
        """Microseconds a step of each phase in the least disturbed of a few runs.

        Empty if the engine does not time its phases.
        """
        runs = [self._run(self.state.clone(), n_steps, True) for _ in range(PROFILED_RUNS)]
        return min(runs, key=lambda run: run[0])[1]

    def _run(
        self, state: TrainState, n_steps: int, profile: bool = False
    ) -> tuple[float, dict[str, float]]:
        """Microseconds a step, and of each phase if profiled and the engine times them."""
        train = self._train
        start = perf_counter_ns()
        n_drawn = min(n_steps, self.cycle or n_steps)
        drawn = documents(train.seed, state.step, n_drawn, train.batch, self._dataset.n_docs)
        report = self._engine.run(
            state,
            self._dataset,
            self._model,
            train,
            self._optimizations,
            drawn if n_drawn == n_steps else np.resize(drawn, (n_steps, train.batch)),
            learning_rates(train, state.step, n_steps),
            profile,
        )
        us = (perf_counter_ns() - start) / 1e3 / n_steps
        if report.phase_ns is None:
            return us, {}
        per_step = (report.phase_ns / 1e3 / n_steps).tolist()
        return us, dict(zip(PHASES, per_step, strict=True))


def measure(
    engine: Engine,
    dataset: Dataset,
    model: ModelConfig,
    train: TrainConfig,
    optimizations: Optimizations,
    repeats: int = DEFAULT_REPEATS,
    progress: Progress | None = None,
) -> BenchReport:
    """Time `repeats` runs of about 0.15 s and the core's peak between them.

    Documents and learning rates are made inside the timed stretch, as in training. Raises
    `UsageError` for a number of repeats outside 1 to 1000 and what the engine raises.
    """
    if not 1 <= repeats <= MAX_REPEATS:
        raise UsageError(f"repeats must be between 1 and {MAX_REPEATS}, not {repeats}.")
    tell = progress or (lambda text: None)
    tell(f"preparing the {engine.name} engine")
    engine.prepare(model, optimizations, progress)
    timer = Timer(engine, dataset, model, train, optimizations)
    tell("warming up")
    n_steps = max(1, min(int(RUN_SECONDS * 1e6 / warm_up(timer)), MAX_STEPS_PER_RUN))
    peak.measure(engine)
    runs, peaks = [], []
    for i in range(repeats):
        tell(f"measuring {i + 1} of {repeats}")
        runs.append(timer.repeat(n_steps))
        peaks.append(peak.measure(engine))
    tell("timing the phases")
    phases = timer.phases(max(1, n_steps // PROFILED_RUNS))

    us, peak_gflops = median(runs), median(peaks)
    flops = model.flops_per_step(train.batch, dataset.nominal_positions)
    gflops = flops / us / 1e3
    return BenchReport(
        engine=engine.name,
        isa=engine.instruction_set(optimizations),
        d_model=model.d_model,
        n_heads=model.n_heads,
        n_layers=model.n_layers,
        block_size=model.block_size,
        activation=model.activation,
        batch=train.batch,
        optimizations=labels(optimizations),
        data=dataset.name,
        seed=train.seed,
        repeats=repeats,
        steps_per_run=n_steps,
        us_per_step=us,
        us_per_step_min=min(runs),
        us_per_step_max=max(runs),
        us_per_step_runs=runs,
        us_per_sample=us / train.batch,
        samples_per_second=train.batch * 1e6 / us,
        mflop_per_step=flops / 1e6,
        gflops=gflops,
        peak_gflops=peak_gflops,
        peak_gflops_runs=peaks,
        percent_of_peak=100 * gflops / peak_gflops,
        phases_us=phases,
    )


def warm_up(timer: Timer, steps: int = 0, seconds: float = 0.0) -> float:
    """Take the first steps, 300 or those of half a second if not said otherwise.

    Gives the microseconds a step of the last of them.
    """
    steps = steps or WARM_UP_STEPS
    deadline = perf_counter_ns() + (seconds or WARM_UP_SECONDS) * 1e9
    us, n_steps, taken = 0.0, 1, 0
    while taken < steps and perf_counter_ns() < deadline:
        us = timer.advance(n_steps)
        taken += n_steps
        n_steps = min(2 * n_steps, steps - taken) or 1
    return us
