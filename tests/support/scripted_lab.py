"""What a lab's measurement yields: padding skip, as far as it has come."""

from __future__ import annotations

from eetui.core.labs.answer import Interval, Result, Row
from eetui.core.labs.experiment import Experiment
from eetui.core.labs.lesson import Measurement


def padding_skip(done: float = 1.0) -> Experiment:
    """The first lesson's result: 2.30 times as fast, between 2.25 and 2.35."""
    rows = [Row("off", Interval(200.0, 200.0, 200.0)), Row("on")]
    if done == 1.0:
        rows[1] = Row("on", Interval(87.0, 86.0, 88.0), Interval(2.3, 2.25, 2.35))
    measurement = Measurement("time", "padding_skip", ("off", "on"))
    result = Result(measurement, "us/step", "times as fast", tuple(rows), done)
    return Experiment((result,), "" if done == 1.0 else "measuring padding skip", done)
