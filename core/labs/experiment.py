"""From a lesson's measurements to rows of figures, which grow while they are measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from random import Random
from statistics import median

from eetui.core.engines.availability import choose_optimizations
from eetui.core.engines.base import Engine
from eetui.core.engines.subject import Subject
from eetui.core.errors import EetuiError
from eetui.core.labs.answer import Interval, Result, Row, ends
from eetui.core.labs.lesson import Lesson, Measurement
from eetui.core.measure.climb import climb
from eetui.core.measure.comparison import Arm, Comparison, compare
from eetui.core.measure.ladder import Gain
from eetui.core.measure.learning import loss_after
from eetui.core.measure.limit import Limit
from eetui.core.measure.setting import OTHERS, arm_at
from eetui.core.measure.timer import Timer, mid_run
from eetui.core.race.studies.launch_model import SCENARIOS
from eetui.core.verdict import Verdict, interval

SECONDS = 1.0
"""Time that a value may take beside the first one."""
CLIMB_ROUNDS = 7
STEP_TIMINGS = 15
STEPS_A_TIMING = 200


@dataclass(frozen=True, slots=True)
class Experiment:
    """How far a lesson's measurements have come; doing: what is being done, '' at the end."""

    results: tuple[Result, ...]
    doing: str
    progress: float = 0.0


def run(
    lesson: Lesson, subject: Subject, assignments: Sequence[str] = (), rng: Random | None = None
) -> Iterator[Experiment]:
    """Measure what the lesson asks for; the last experiment has nothing left to do.

    Values that this machine cannot take become rows with a reason. Raises `UsageError` for settings
    that make no model, and what the engines raise.
    """
    draw, n = rng or Random(), len(lesson.measurements)
    done: tuple[Result, ...] = ()
    engine = subject.create_engine()
    for i, measurement in enumerate(lesson.measurements):
        doing = f"measuring {measurement.setting or measurement.what}".replace("_", " ")
        result = Result(
            measurement, *_headings(measurement), tuple(map(Row, measurement.values)), 0
        )
        yield Experiment((*done, result), doing, i / n)
        own, toggles = _fixed(measurement, subject, assignments)
        for rows, share in _WAYS[measurement.what](measurement, own, engine, toggles, draw):
            result = replace(result, rows=rows, done=share)
            yield Experiment((*done, result), doing, (i + share) / n)
        done = (*done, replace(result, done=1.0))
    yield Experiment(done, "", 1.0)


Rows = Iterator[tuple[tuple[Row, ...], float]]
"""The rows so far, and the share of the measurement that is done."""


def _headings(measurement: Measurement) -> tuple[str, str]:
    if measurement.what == "time":
        return f"us/{measurement.per}", "times as fast"
    if measurement.what == "loss":
        return "loss, nats", "above the first"
    if measurement.what == "credit":
        return "% saved in the climb", "% lost without it"
    return "us/step", "steps meanwhile"


def _fixed(
    measurement: Measurement, subject: Subject, assignments: Sequence[str]
) -> tuple[Subject, tuple[str, ...]]:
    """The subject and the toggles with what the measurement holds fixed."""
    toggles = list(assignments)
    for key, value in measurement.fixed:
        if key in OTHERS:
            subject = OTHERS[key][1](subject, value)
        else:
            toggles.append(f"{key}={value}")
    return subject, tuple(toggles)


def _possible(
    measurement: Measurement, subject: Subject, engine: Engine, assignments: Sequence[str]
) -> tuple[list[Row], dict[int, Arm]]:
    """A row for each value, and the arms of those that are possible here, by place."""
    rows, found = [Row(value) for value in measurement.values], {}
    for i, value in enumerate(measurement.values):
        try:
            found[i] = arm_at(measurement.setting, value, subject, engine, assignments)
        except EetuiError as error:
            rows[i] = Row(value, reason=str(error))
    return rows, found


def _times(
    measurement: Measurement,
    subject: Subject,
    engine: Engine,
    assignments: Sequence[str],
    rng: Random,
) -> Rows:
    """Each value timed beside the first possible one."""
    rows, possible = _possible(measurement, subject, engine, assignments)
    if len(possible) < 2:
        yield tuple(rows), 1.0
        return
    first, *others = possible
    base = possible[first]
    state = mid_run(base.subject, engine, base.optimizations)
    for n, place in enumerate(others):
        arm = possible[place]
        own = state
        if arm.subject.model != base.subject.model:
            own = mid_run(arm.subject, engine, arm.optimizations)
        for verdict in compare(Comparison(base, arm, state, own, rng=rng), SECONDS):
            if n == 0:
                us = verdict.typical_a * _documents(measurement, base)
                rows[first] = Row(rows[first].label, Interval(us, us, us))
            rows[place] = _timed(rows[place].label, verdict, _documents(measurement, arm))
            done = min(verdict.seconds / SECONDS, 1.0)
            yield tuple(rows), (n + (1.0 if verdict.over else done)) / len(others)


def _documents(measurement: Measurement, arm: Arm) -> int:
    """How many documents the unit of a time has."""
    return 1 if measurement.per == "sample" else arm.batch


def _timed(label: str, verdict: Verdict, documents: int) -> Row:
    if not verdict.has_interval:
        return Row(label)
    us, change = verdict.typical_b * documents, 1 + verdict.estimate / 100
    slowest, fastest = 1 + verdict.high / 100, 1 + verdict.low / 100
    return Row(
        label,
        Interval(us, us * fastest / change, us * slowest / change),
        Interval(1 / change, 1 / slowest, 1 / fastest),
    )


def _losses(
    measurement: Measurement,
    subject: Subject,
    engine: Engine,
    assignments: Sequence[str],
    rng: Random,
) -> Rows:
    """All values trained from the same seeds, in an order drawn for each seed."""
    rows, possible = _possible(measurement, subject, engine, assignments)
    for arm in possible.values():
        arm.engine.prepare(arm.subject.model, arm.optimizations)
    limit = Limit(measurement.steps, measurement.seconds)
    losses: dict[int, list[float]] = {place: [] for place in possible}
    total = measurement.seeds * len(possible)
    for seed in range(measurement.seeds):
        for n, place in enumerate(rng.sample(list(possible), len(possible))):
            losses[place].append(loss_after(possible[place], limit, seed)[0])
            yield tuple(rows), (seed * len(possible) + n + 1) / total
        first = next(iter(possible))
        for place in possible:
            rows[place] = _learned(rows[place].label, losses[place], losses[first], place == first)
        yield tuple(rows), (seed + 1) / measurement.seeds


def _learned(label: str, losses: list[float], first: list[float], is_first: bool) -> Row:
    value = Interval(median(losses), *ends(losses))
    if is_first:
        return Row(label, value, samples=tuple(losses))
    above = [loss - other for loss, other in zip(losses, first, strict=True)]
    return Row(label, value, Interval(median(above), *ends(above)), tuple(losses))


def _credit(
    measurement: Measurement,
    subject: Subject,
    engine: Engine,
    assignments: Sequence[str],
    rng: Random,
) -> Rows:
    """What each toggle saves in a climb, and what it costs to take it alone away from all."""
    for ladder in climb(subject, rounds=CLIMB_ROUNDS, ablate=True, engine=engine, rng=rng):
        rungs = [rung for rung in ladder.rungs if rung.key and not rung.aside]
        rows = [
            Row(rung.label, _gained(rung.gain), _lost(rung.alone), reason=rung.reason)
            for rung in rungs
        ]
        yield tuple(rows), ladder.progress


def _gained(gain: Gain | None) -> Interval | None:
    known = gain is not None and gain.is_known
    return Interval(gain.estimate, gain.low, gain.high) if known and gain else None


def _lost(gain: Gain | None) -> Interval | None:
    """From what a thing saves of the time without it to what the time grows without it, per cent.

    A gain of 50 % is a loss of 100 %.
    """
    if gain is None or not gain.is_known:
        return None

    def grown(saved: float) -> float:
        return 100 * saved / (100 - saved)

    return Interval(grown(gain.estimate), grown(gain.low), grown(gain.high))


def _launches(
    measurement: Measurement,
    subject: Subject,
    engine: Engine,
    assignments: Sequence[str],
    rng: Random,
) -> Rows:
    """A step here, and how many of them fit into a step of each modelled way of launching."""
    toggles = choose_optimizations(engine, subject.model, assignments)
    engine.prepare(subject.model, toggles)
    timer = Timer(subject, engine, toggles)
    timer.advance(STEPS_A_TIMING)
    us: list[float] = []
    framework = max(SCENARIOS, key=lambda scenario: scenario.launch_us)
    here = Row("this core")
    for n in range(STEP_TIMINGS):
        us.append(timer.advance(STEPS_A_TIMING).cost_ns / 1e3 / STEPS_A_TIMING)
        low, high = interval(us)
        middle = median(us)
        if isfinite(high - low):
            here = Row(
                "this core",
                Interval(middle, low, high),
                Interval(*(framework.us_per_step / value for value in (middle, high, low))),
            )
        modelled = [
            Row(f"a GPU, {each.name} (modelled)", Interval(*[each.us_per_step] * 3))
            for each in SCENARIOS
        ]
        yield (here, *modelled), (n + 1) / STEP_TIMINGS


_WAYS = {"time": _times, "loss": _losses, "credit": _credit, "launches": _launches}
