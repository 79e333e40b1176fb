"""The climb from everything off to everything on, one optimization at a time, measured here.

Every rung adds one thing to the rung below it. All rungs are timed in turn, round after round, on
the same documents from the same weights, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median, quantiles

from eetui.core.config import ModelConfig
from eetui.core.engines.availability import judge
from eetui.core.engines.base import Engine
from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.measure.bench import MAX_STEPS_PER_RUN, Timer, warm_up
from eetui.core.optimizations import CATALOGUE, Optimizations, Value, find_optimization

DEFAULT_ROUNDS = 11
MAX_ROUNDS = 1000

STORY: tuple[tuple[str, Value], ...] = (
    # What need not be computed at all comes before how to compute the rest.
    ("padding_skip", True),
    # Then the order in which the work is done: use a weight often once it has been loaded.
    ("work_order", "batch"),
    ("product_kernel", "tiles"),
    # Work in that order is what wide registers can take in.
    ("vector_width", 4),
    ("vector_width", 8),
    ("vector_width", 16),
    # With the products fast, what is left weighs more.
    ("adam", "vector"),
    ("fast_exp", True),
    ("fused", True),
    ("flush_denormals", True),
    # Less work again, by what is known about the model and about the gradient's way.
    ("prefix_sharing", True),
    ("adam", "fused"),
    ("matrix_engine", "tile"),
    ("matrix_engine", "sme2"),
    ("matrix_engine", "amx-split"),
    ("matrix_engine", "amx"),
)
"""The rungs from the bottom up. It starts at the slowest value of everything: documents one after
another, padding and all, row by row, a number at a time, with the library's exp."""

ASIDE = frozenset({("matrix_engine", "tile")})
"""Rungs beside the way: compared with the rung below, and left out of the rungs above."""

NOT_CLIMBED = {"threads": "The ladder stays on one core: more threads are more hardware."}
START = "everything off"

WARM_UP_STEPS = 2000
WARM_UP_SECONDS = 1.0
"""A state in mid-run, with moments that have begun to decay to denormal numbers."""
BLOCK_US = 20_000.0
LONGEST_BLOCK_US = 100_000.0
CALIBRATION_US = 2_000.0
MAX_CYCLE = 64
"""Batches that every block goes through, as far as the slowest rung can in its longest block."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the climb; times in microseconds a step.

    key and value: what it sets beyond the rung below ('' and None at the bottom). us: median of
    us_runs, None until measured. gain: per cent of the step below that it saves, negative if it
    costs. factor: how many times faster than the bottom. m5_gain: what EEmicroGPT's author reports
    for it on an Apple M5, in per cent as well. aside: another way to do what the rung below does,
    which the rungs above do not build on. reason: why it cannot be climbed here, or ''.
    """

    key: str
    value: Value | None
    label: str
    optimizations: Optimizations | None
    reason: str = ""
    m5_gain: float | None = None
    aside: bool = False
    steps_per_run: int = 0
    us_runs: tuple[float, ...] = ()
    gain: float | None = None
    factor: float | None = None

    @property
    def us(self) -> float | None:
        return median(self.us_runs) if self.us_runs else None

    @property
    def us_min(self) -> float | None:
        return min(self.us_runs, default=None)

    @property
    def us_max(self) -> float | None:
        return max(self.us_runs, default=None)

    @property
    def spread(self) -> float | None:
        """Half of what the middle half of the runs spans, in per cent of their median."""
        us = self.us
        if us is None or len(self.us_runs) < 2:
            return None
        lower, _, upper = quantiles(self.us_runs, n=4, method="inclusive")
        return 50 * (upper - lower) / us


@dataclass(frozen=True, slots=True)
class Ladder:
    """How far a climb has come.

    progress: 0 to 1. doing: what is being done, '' at the end. quickest: microseconds a step of the
    quickest rung when all were tried, so that bars can be drawn to scale before it is measured.
    """

    engine: str
    isa: str
    model: ModelConfig
    batch: int
    data: str
    seed: int
    pinned: dict[str, str]
    rounds: int
    rungs: tuple[Rung, ...]
    round: int = 0
    progress: float = 0.0
    doing: str = ""
    quickest: float | None = None

    @property
    def climbed(self) -> tuple[Rung, ...]:
        """The rungs that have been measured, from the bottom up."""
        return tuple(rung for rung in self.rungs if rung.us_runs)

    @property
    def top(self) -> Optimizations:
        """Everything on, as far as this engine and CPU can."""
        return _top(self.rungs)

    @property
    def highest(self) -> Rung | None:
        """The highest rung that has been measured, those aside left out."""
        return next((rung for rung in reversed(self.climbed) if not rung.aside), None)

    @property
    def impossible(self) -> tuple[Rung, ...]:
        """The rungs that this engine or CPU does not have."""
        return tuple(rung for rung in self.rungs if rung.reason)


def plan(engine: Engine, pinned: Mapping[str, Value] | None = None) -> tuple[Rung, ...]:
    """The rungs of an engine on this machine; `pinned` toggles keep their value on all of them."""
    fixed = dict(pinned or {})
    lowest = {entry.key: judge(engine, entry).values[0] for entry in CATALOGUE} | fixed
    now = Optimizations()
    for key, value in lowest.items():
        now = now.with_value(key, value)
    rungs = [Rung("", None, START, now)]
    told = set(fixed)
    for key, value in STORY:
        entry = find_optimization(key)
        alone = judge(engine, entry)
        if key in told or (value == lowest[key] and len(alone.values) > 1):
            continue
        if len(alone.values) < 2:
            told.add(key)
            rungs.append(Rung(key, None, entry.name, None, alone.reason, entry.m5_gain))
            continue
        label = entry.name if value is True else f"{entry.name}: {entry.label(value)}"
        reason = judge(engine, entry, now).why_not[value]
        aside = (key, value) in ASIDE
        here = now if reason else now.with_value(key, value)
        way = None if reason else here
        rungs.append(Rung(key, value, label, way, reason, entry.m5_gain, aside))
        now = now if aside else here
    for key, reason in NOT_CLIMBED.items():
        if key not in fixed:
            rungs.append(Rung(key, None, find_optimization(key).name, None, reason))
    return tuple(rungs)


def _top(rungs: tuple[Rung, ...]) -> Optimizations:
    """The way of the highest rung, those aside left out."""
    ways = (rung.optimizations for rung in reversed(rungs) if not rung.aside)
    return next(way for way in ways if way is not None)


def climb(
    subject: Subject,
    pinned: Mapping[str, Value] | None = None,
    rounds: int = DEFAULT_ROUNDS,
) -> Iterator[Ladder]:
    """Measure the rungs; yields after every block how far it has come, so it ends where it is left.

    Raises `UsageError` for a number of rounds outside 1 to 1000 and what the engine raises.
    """
    if not 1 <= rounds <= MAX_ROUNDS:
        raise UsageError(f"rounds must be between 1 and {MAX_ROUNDS}, not {rounds}.")
    engine = subject.create_engine()
    dataset, model, train = subject.dataset, subject.model, subject.train
    rungs = plan(engine, pinned)
    ways = {rung.label: rung.optimizations for rung in rungs if rung.optimizations is not None}
    top = _top(rungs)
    ladder = Ladder(
        engine=engine.name,
        isa=engine.instruction_set(top),
        model=model,
        batch=train.batch,
        data=dataset.name,
        seed=train.seed,
        pinned={key: find_optimization(key).label(value) for key, value in (pinned or {}).items()},
        rounds=rounds,
        rungs=rungs,
    )
    for label, way in ways.items():
        yield replace(ladder, doing=f"preparing {label}")
        engine.prepare(model, way)
    yield replace(ladder, doing="warming up")
    # Denormals are what one of the rungs is about, so the state that all start from may hold some.
    can_keep = not engine.why_not("flush_denormals", False)
    kept = replace(top, flush_denormals=False) if can_keep else top
    first = Timer(engine, dataset, model, train, kept)
    warm_up(first, WARM_UP_STEPS, WARM_UP_SECONDS)

    timers, quick = {}, {}
    for label, way in ways.items():
        yield replace(ladder, doing=f"trying {label}")
        timers[label] = Timer(engine, dataset, model, train, way, first.state)
        quick[label] = _calibrate(timers[label])
    cycle = max(1, min(int(LONGEST_BLOCK_US / max(quick.values())), MAX_CYCLE))
    steps = {}
    for label, timer in timers.items():
        timer.cycle = cycle
        times = max(1, round(BLOCK_US / quick[label] / cycle))
        steps[label] = min(times * cycle, MAX_STEPS_PER_RUN)

    runs: dict[str, list[float]] = {label: [] for label in timers}
    for i in range(rounds * len(timers)):
        number, label = i // len(timers) + 1, [*timers][i % len(timers)]
        runs[label].append(timers[label].repeat(steps[label]))
        last = i + 1 == rounds * len(timers)
        yield replace(
            ladder,
            rungs=_measured(rungs, runs, steps),
            round=number,
            progress=(i + 1) / (rounds * len(timers)),
            doing="" if last else f"round {number} of {rounds}",
            quickest=min(quick.values()),
        )


def _calibrate(timer: Timer) -> float:
    """Microseconds a step of a stretch that is long enough to tell."""
    n_steps, us = 1, timer.repeat(1)
    while us * n_steps < CALIBRATION_US and n_steps < MAX_STEPS_PER_RUN:
        n_steps *= 2
        us = timer.repeat(n_steps)
    return us


def _measured(
    rungs: tuple[Rung, ...], runs: Mapping[str, list[float]], steps: Mapping[str, int]
) -> tuple[Rung, ...]:
    """The rungs with what was measured so far, and what follows from it."""
    out: list[Rung] = []
    bottom = below = None
    for rung in rungs:
        timed = runs.get(rung.label, []) if rung.optimizations is not None else []
        if not timed:
            out.append(rung)
            continue
        us = median(timed)
        bottom = bottom or us
        out.append(
            replace(
                rung,
                us_runs=tuple(timed),
                steps_per_run=steps[rung.label],
                gain=None if below is None else 100 * (1 - us / below),
                factor=bottom / us,
            )
        )
        below = below if rung.aside else us
    return tuple(out)
