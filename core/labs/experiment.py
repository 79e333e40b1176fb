"""From a lesson's measurements to rows of figures, which grow while they are measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import median
from time import monotonic

from eetui.core.clocks import ClockName
from eetui.core.engines.subject import Subject
from eetui.core.errors import EetuiError
from eetui.core.labs.answer import Interval, Result, Row
from eetui.core.labs.lesson import Lesson, Measurement
from eetui.core.measure.comparison import Arm, Comparison, compare
from eetui.core.measure.ladder import climb
from eetui.core.measure.learning import Limit, learned
from eetui.core.measure.setting import arm_at
from eetui.core.measure.timer import mid_run
from eetui.core.measure.verdict import Verdict, interval
from eetui.core.race.studies.launch_model import SCENARIOS

SECONDS = 1.0
"""Time of one comparison of two values, at the most."""
HEADINGS = {
    "loss": ("loss, nats", "above the best"),
    "credit": ("% saved in the climb", "% lost when taken away"),
    "launches": ("us/step", "steps meanwhile"),
}


@dataclass(frozen=True, slots=True)
class Experiment:
    """How far a lesson's measurements have come; doing: what is being done, '' at the end."""

    results: tuple[Result, ...]
    doing: str
    progress: float = 0.0


def run(
    lesson: Lesson, subject: Subject, assignments: Sequence[str] = (), rng: Random | None = None
) -> Iterator[Experiment]:
    """Measure what the lesson asks for on `subject`; the last one yielded has an empty `doing`.

    Values that this machine cannot do become rows with a reason. Raises `UsageError` for settings
    that make no model, and what the engines raise.
    """
    done: tuple[Result, ...] = ()
    n = len(lesson.measurements)
    for i, measurement in enumerate(lesson.measurements):
        doing = f"measuring {i + 1} of {n}: {measurement.setting or measurement.what}"
        result = _empty(measurement)
        yield Experiment((*done, result), doing, i / n)
        for result in _measured(measurement, subject, assignments, rng or Random()):
            yield Experiment((*done, result), doing, (i + result.done) / n)
        done = (*done, replace(result, done=1.0))
    yield Experiment(done, "", 1.0)


def _empty(measurement: Measurement) -> Result:
    unit, against = HEADINGS.get(
        measurement.what, (f"us/{measurement.per}", "times as fast as the first")
    )
    rows = tuple(map(Row, measurement.values))
    return Result(measurement, unit, against, rows, 0.0)


def _measured(
    measurement: Measurement, subject: Subject, assignments: Sequence[str], rng: Random
) -> Iterator[Result]:
    """What has been measured so far, again and again."""
    own = tuple(f"{key}={value}" for key, value in measurement.fixed)
    fixed = arm_at(own, subject, assignments)
    if measurement.what == "time":
        yield from _times(measurement, fixed, assignments, own, rng)
    elif measurement.what == "loss":
        yield from _losses(measurement, fixed, assignments, own, rng)
    elif measurement.what == "credit":
        yield from _credit(measurement, fixed)
    else:
        yield from _launches(measurement, fixed, rng)
