"""From what a lesson measures to rows: every figure of them, of scripted measurements."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.subject import Subject
from eetui.core.labs import experiment
from eetui.core.labs.answer import Interval, Row
from eetui.core.labs.experiment import Experiment, run
from eetui.core.labs.lesson import Lesson, Measurement
from eetui.core.measure.ladder import Gain, Rung
from eetui.core.verdict import Verdict


def near(value: Any) -> Any:
    return pytest.approx(value)


@pytest.fixture
def subject(names: Dataset) -> Subject:
    return Subject(names, ModelConfig(d_model=4, n_heads=1), TrainConfig(batch=4), engine="numpy")


def lesson(*measurements: Measurement) -> Lesson:
    return Lesson("k", "t", "q", "w", "speedup", "times", (), 0, measurements)


def verdict(estimate: float, low: float, high: float, **values: Any) -> Verdict:
    return Verdict(
        "time", estimate, low, high, 20, 0.25, "cpu", 10.0, 10.0 * (1 + estimate / 100), **values
    )


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The comparisons that were made; each has one verdict on the way and one at the end."""
    made: list[Any] = []

    def comparison(a, b, state, state_b, rng):
        return SimpleNamespace(a=a, b=b, state=state, state_b=state_b)

    def mid_run(subject, engine, optimizations):
        return subject.model  # Which model a state is of is what counts here.

    monkeypatch.setattr(experiment, "Comparison", comparison)
    monkeypatch.setattr(experiment, "mid_run", mid_run)

    def compare(comparison, seconds):
        made.append((comparison, seconds))
        yield verdict(-50.0, -100.0, float("inf"))
        yield verdict(-50.0, -60.0, -20.0, over=True)

    monkeypatch.setattr(experiment, "compare", compare)
    return made


def test_times_are_beside_the_first_value(subject: Subject, compared: list[Any]) -> None:
    measurement = Measurement("time", "batch", ("4", "8", "0", "16"), per="step")
    seen = [*run(lesson(measurement), subject)]
    assert [e.doing for e in seen] == ["measuring batch"] * 5 + [""]
    assert [e.progress for e in seen] == [0, 0.125, 0.5, 0.625, 1.0, 1.0]
    assert [e.results[0].done for e in seen] == [0, 0.125, 0.5, 0.625, 1.0, 1.0]
    assert [row.label for row in seen[0].results[0].rows] == ["4", "8", "0", "16"]
    (result,) = seen[-1].results
    assert (result.value_heading, result.against_heading) == ("us/step", "times as fast")
    first, second, impossible, last = result.rows
    assert first == Row("4", Interval(40.0, 40.0, 40.0))
    assert second.value == Interval(40.0, near(32.0), near(64.0))
    assert second.against == Interval(2.0, near(1.25), near(2.5))
    assert last.value == Interval(80.0, near(64.0), near(128.0))
    assert impossible.value is None
    assert "batch" in impossible.reason
    assert seen[1].results[0].rows[1] == Row("8")  # there is no interval yet
    assert [seconds for _, seconds in compared] == [1.0, 1.0]
    assert [(c.a.batch, c.b.batch) for c, _ in compared] == [(4, 8), (4, 16)]
    assert all(c.state is c.state_b for c, _ in compared)


def test_another_model_has_a_state_of_its_own(subject: Subject, compared: list[Any]) -> None:
    [*run(lesson(Measurement("time", "d_model", ("4", "8"), per="sample")), subject)]
    ((comparison, _),) = compared
    assert (comparison.state.d_model, comparison.state_b.d_model) == (4, 8)


def test_a_sample_is_one_document(subject: Subject, compared: list[Any]) -> None:
    *_, last = run(lesson(Measurement("time", "batch", ("4", "8"), per="sample")), subject)
    (result,) = last.results
    assert result.value_heading == "us/sample"
    assert [row.value and row.value.estimate for row in result.rows] == [10.0, 5.0]


def test_what_is_held_fixed_is_set(subject: Subject, compared: list[Any]) -> None:
    fixed = (("d_model", "8"), ("padding_skip", "off"))
    [*run(lesson(Measurement("time", "batch", ("4", "8"), fixed)), subject)]
    ((comparison, _),) = compared
    for arm in (comparison.a, comparison.b):
        assert arm.subject.model.d_model == 8
        assert not arm.optimizations.padding_skip


def test_one_value_alone_is_compared_with_nothing(subject: Subject, compared: list[Any]) -> None:
    *_, last = run(lesson(Measurement("time", "batch", ("4", "0"))), subject)
    assert last.results[0].rows[0] == Row("4")
    assert not compared


def test_losses_are_medians_over_seeds_beside_the_first(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    prepared = []

    def loss_after(arm, limit, seed):
        asked.append((arm.batch, limit.steps, seed))
        return 2.0 + 0.1 * seed + (0.5 if arm.batch == 8 else 0.0), 1.0

    monkeypatch.setattr(experiment, "loss_after", loss_after)
    engine = subject.create_engine()
    monkeypatch.setattr(type(engine), "prepare", lambda self, *of: prepared.append(of))
    measurement = Measurement("loss", "batch", ("4", "8"), steps=7, seeds=3)
    seen = [*run(lesson(measurement), subject, rng=Random(1))]
    assert len(prepared) == 2
    assert sorted(asked) == [(4, 7, 0), (4, 7, 1), (4, 7, 2), (8, 7, 0), (8, 7, 1), (8, 7, 2)]
    assert [e.progress for e in seen] == near(
        [0, 1 / 6, 2 / 6, 1 / 3, 3 / 6, 4 / 6, 2 / 3, 5 / 6, 1, 1, 1]
    )
    (result,) = seen[-1].results
    assert (result.value_heading, result.against_heading) == ("loss, nats", "above the first")
    first, second = result.rows
    assert first.samples == near((2.0, 2.1, 2.2))
    assert first.against is None
    assert first.value == Interval(*(near(v) for v in (2.1, 2.0, 2.2)))
    assert second.value == Interval(*(near(v) for v in (2.6, 2.5, 2.7)))
    assert second.samples == near((2.5, 2.6, 2.7))
    assert second.against == Interval(*[near(0.5)] * 3)
    assert seen[3].results[0].rows[0].value is not None  # after a seed, not at the end alone


def test_credit_is_saved_in_the_climb_and_lost_alone(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, vague = Gain(50.0, 40.0, 60.0, 20, True), Gain(9.0, -99.0, 99.0, 3, False)
    rungs = (
        Rung("", None, "everything off", None, us=100.0),
        Rung("padding_skip", True, "Padding skip", None, gain=some, alone=some),
        Rung("products", "outer", "Aside", None, aside=True, gain=some),
        Rung("fast_exp", True, "Fast exp", None, gain=vague, alone=vague),
        Rung("threads", None, "Threads", None, reason="One core."),
    )
    asked = {}

    def climb(subject, **how):
        asked.update(how)
        yield SimpleNamespace(rungs=rungs, progress=0.5)

    monkeypatch.setattr(experiment, "climb", climb)
    seen = [*run(lesson(Measurement("credit"), Measurement("credit")), subject)]
    assert [e.progress for e in seen] == [0, 0.25, 0.5, 0.75, 1.0]
    result = seen[-1].results[1]
    assert (result.value_heading, result.against_heading) == (
        "% saved in the climb",
        "% lost without it",
    )
    assert result.rows == (
        Row(
            "Padding skip",
            Interval(50.0, 40.0, 60.0),
            Interval(100.0, near(200 / 3), near(150.0)),
        ),
        Row("Fast exp"),
        Row("Threads", reason="One core."),
    )
    assert (asked["rounds"], asked["ablate"]) == (7, True)


def test_launches_are_counted_in_steps_of_this_core(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step takes 10 to 24 us here; a framework's on a GPU is modelled at 610."""
    calls = []

    class Scripted:
        def __init__(self, *of: object) -> None: ...

        def advance(self, n_steps: int) -> SimpleNamespace:
            calls.append(n_steps)
            return SimpleNamespace(cost_ns=n_steps * 1e3 * (8 + len(calls)))

    monkeypatch.setattr(experiment, "Timer", Scripted)
    seen = [*run(lesson(Measurement("launches")), subject)]
    assert calls == [200] * 16
    assert [e.progress for e in seen[1:-1]] == near([n / 15 for n in range(1, 16)])
    assert seen[1].results[0].rows[0] == Row("this core")
    (result,) = seen[-1].results
    assert (result.value_heading, result.against_heading) == ("us/step", "steps meanwhile")
    here, *modelled = result.rows
    assert here.value is not None
    assert here.against is not None
    assert here.value.estimate == 17.0
    assert 10 < here.value.low < 17 < here.value.high < 24
    assert here.against == Interval(
        610 / 17, near(610 / here.value.high), near(610 / here.value.low)
    )
    assert [(row.label, row.value) for row in modelled] == [
        (f"a GPU, {name} (modelled)", Interval(us, us, us))
        for name, us in (
            ("CUDA graphs", 130.0), ("asynchronous launches", 410.0), ("a framework", 610.0),
        )
    ]  # fmt: skip


def test_the_end_has_nothing_to_do(subject: Subject, compared: list[Any]) -> None:
    measurement = Measurement("time", "padding_skip", ("off", "on"))
    two = lesson(measurement, replace(measurement, per="sample"))
    seen = [*run(two, subject)]
    assert [len(e.results) for e in seen] == [1, 1, 1, 2, 2, 2, 2]
    assert [e.progress for e in seen] == [0, 0.125, 0.5, 0.5, 0.625, 1.0, 1.0]
    assert seen[-1] == Experiment(seen[-1].results, "", 1.0)
    assert seen[0].doing == "measuring padding skip"
    assert all(result.done == 1.0 for result in seen[-1].results)
