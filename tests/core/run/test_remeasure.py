"""Verdicts on flips in a live run: by themselves, and where they are asked for."""

from __future__ import annotations

from dataclasses import replace

from eetui.core.errors import EngineError
from eetui.core.measure.comparison import compare_ways
from eetui.core.run.commands import (
    CycleOptimization,
    MeasureAgain,
    Pause,
    SetBatch,
)
from eetui.core.run.snapshot import Status
from tests.support.present import present
from tests.support.sessions import LONG, batch_of, effect_of, session


def measured(key: str):
    """Whether the last verdict on a toggle is over."""
    return lambda s: (e := effect_of(key)(s)) and e.verdict is not None and e.verdict.over


def test_the_verdict_on_a_flip_comes_by_itself_and_no_step_is_lost(names, live) -> None:
    run = live(session(names, measure=compare_ways))
    run.wait_for(lambda s: s.step > 50)
    run.session.submit(SetBatch(64))
    last = run.wait_for(measured("batch"))
    effect = effect_of("batch")(last)
    assert (effect.before, effect.after, effect.is_measuring) == (str(LONG.batch), "64", False)
    assert effect.verdict.words == "faster"  # a sample costs less in a larger batch
    seen = [effect_of("batch")(s) for s in run.snapshots]
    assert any(e is not None and e.is_measuring for e in seen)
    flip = next(event for event in last.events if event.key == "batch")
    assert 0 < flip.paused < last.seconds
    run.wait_for(lambda s: s.step > last.step)
    run.session.submit(Pause())
    stopped = run.wait_for(lambda s: s.status is Status.PAUSED)
    assert sorted(run.losses) == [*range(stopped.step)]


def test_a_verdict_can_be_asked_for_while_the_training_pauses(names, live) -> None:
    run = live(session(names, paused=True, measure=compare_ways, measure_flips=False))
    run.wait_for(lambda s: s.is_ready)
    run.session.submit(CycleOptimization("padding_skip"))
    effect = effect_of("padding_skip")(run.wait_for(effect_of("padding_skip")))
    assert (effect.verdict, effect.is_measuring) == (None, False)
    run.session.submit(MeasureAgain("padding_skip"))
    last = run.wait_for(measured("padding_skip"))
    effect = effect_of("padding_skip")(last)
    assert (effect.before, effect.after) == ("on", "off")
    assert last.step == 0
    run.session.submit(MeasureAgain("batch"))
    effect = effect_of("batch")(run.wait_for(measured("batch")))
    assert (effect.before, effect.after) == (str(LONG.batch // 2), str(LONG.batch))


def test_a_flip_at_the_end_of_the_plan_is_measured_all_the_same(names, live) -> None:
    run = live(session(names, train=replace(LONG, steps=60), measure=compare_ways))
    run.wait_for(lambda s: s.status is Status.FINISHED)
    run.session.submit(CycleOptimization("padding_skip"))
    run.wait_for(measured("padding_skip"))


def test_a_measurement_that_fails_leaves_the_training_alone(names, live) -> None:
    def broken(*arguments):
        raise EngineError("The clock is broken.")
        yield

    run = live(session(names, measure=broken))
    run.wait_for(lambda s: s.step > 5)
    run.session.submit(SetBatch(8))
    told = run.wait_for(lambda s: s.notice and "clock is broken" in s.notice.text)
    run.wait_for(lambda s: s.step > told.step)


def test_a_flip_tells_how_far_it_moves_the_gradient(names, live) -> None:
    run = live(session(names))
    run.wait_for(lambda s: s.step > 20)
    run.session.submit(CycleOptimization("padding_skip"))
    effect = effect_of("padding_skip")
    moved = effect(run.wait_for(effect)).gradient_change
    assert moved is not None
    assert moved < 1e-4
    run.session.submit(SetBatch(8))
    batch = batch_of(run.wait_for(lambda s: batch_of(s).effect)).effect
    assert present(batch).gradient_change is None
