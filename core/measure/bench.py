"""How fast a step is, and what share of the core's peak that is: calibrate, warm up, repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from eetui.core.clocks import ClockName
from eetui.core.engines import peak
from eetui.core.engines.base import Engine
from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.measure.timer import PROFILED_RUNS, Timer, warm_up
from eetui.core.optimizations import Optimizations, labels

DEFAULT_REPEATS = 7
MAX_REPEATS = 1000
RUN_SECONDS = 0.15
"""Length that a repeat is calibrated to: long against the clock and a scheduler's slice."""
WARM_UP_SECONDS = 0.5
WARM_UP_STEPS = 300
"""Warming up ends with whichever of the two comes first; the first steps are not typical."""
MAX_STEPS_PER_RUN = 50_000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BenchReport:
    """A measurement; times in microseconds, rates in GFLOP/s, medians over the repeats.

    clock: what tells us_per_step, its runs and what follows from them: 'cpu', the clock of the
    training thread, or 'wall' where other threads work as well. wall_us_per_step is by the wall
    clock always, and so is samples_per_second. Drawing the documents is included in all of them.
    gflops is the nominal work of a step (`ModelConfig.flops_per_step`, whatever the engine skips)
    over its time: it counts nominal_positions for a document, and these have mean_positions.
    mflop_counted is the work of a step as it was done: the multiply-adds of its products and its
    attention, with prefixes that a batch shares counted once. percent_of_peak_counted is what that
    makes of the peak. Both are None if the engine does not count. peak_gflops is the float32
    multiply-add peak of one core, measured in turn with the step by the CPU clock. phases_us are of
    separate runs with the clocks on, so they add up to about the step; empty if the engine does not
    time its phases.
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
    clock: ClockName
    us_per_step: float
    us_per_step_min: float
    us_per_step_max: float
    us_per_step_runs: list[float]
    us_per_sample: float
    wall_us_per_step: float
    wall_us_per_step_runs: list[float]
    samples_per_second: float
    nominal_positions: float
    mean_positions: float
    mflop_per_step: float
    gflops: float
    peak_gflops: float
    peak_gflops_runs: list[float]
    percent_of_peak: float
    mflop_counted: float | None
    percent_of_peak_counted: float | None
    phases_us: dict[str, float]


def measure(
    subject: Subject,
    engine: Engine,
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
    dataset, model, train = subject.dataset, subject.model, subject.train
    tell(f"preparing the {engine.name} engine")
    engine.prepare(model, optimizations, progress)
    timer = Timer(subject, engine, optimizations)
    tell("warming up")
    us = warm_up(timer, WARM_UP_STEPS, WARM_UP_SECONDS)
    n_steps = max(1, min(int(RUN_SECONDS * 1e6 / us), MAX_STEPS_PER_RUN))
    peak.measure(engine)
    runs, peaks = [], []
    for i in range(repeats):
        tell(f"measuring {i + 1} of {repeats}")
        runs.append(timer.repeat(n_steps))
        peaks.append(peak.measure(engine))
    done = timer.multiply_adds
    tell("timing the phases")
    phases = timer.phases(max(1, n_steps // PROFILED_RUNS))

    own = [run.cost_ns / 1e3 / n_steps for run in runs]
    wall = [run.wall_ns / 1e3 / n_steps for run in runs]
    us, peak_gflops = median(own), median(peaks)
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
        clock=runs[0].clock,
        us_per_step=us,
        us_per_step_min=min(own),
        us_per_step_max=max(own),
        us_per_step_runs=own,
        us_per_sample=us / train.batch,
        wall_us_per_step=median(wall),
        wall_us_per_step_runs=wall,
        samples_per_second=train.batch * 1e6 / median(wall),
        nominal_positions=dataset.nominal_positions,
        mean_positions=dataset.mean_positions,
        mflop_per_step=flops / 1e6,
        gflops=gflops,
        peak_gflops=peak_gflops,
        peak_gflops_runs=peaks,
        percent_of_peak=100 * gflops / peak_gflops,
        mflop_counted=None if done is None else 2 * done / 1e6,
        percent_of_peak_counted=None if done is None else 100 * 2 * done / us / 1e3 / peak_gflops,
        phases_us=phases,
    )
