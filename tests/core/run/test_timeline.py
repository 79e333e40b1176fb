"""Keyframes within their budget, and the exact state between them."""

from __future__ import annotations

import numpy as np

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run.commands import Branch, Resume, ReturnToNow, SetBatch, Travel, TravelOn, Undo
from eetui.core.run.replay import Way
from eetui.core.run.setup import Setup
from eetui.core.run.snapshot import Status
from eetui.core.run.timeline import Timeline
from tests.support.driven import Run
from tests.support.present import present

SETUP = Setup("numpy", Optimizations(), ModelConfig(d_model=8, n_heads=2), TrainConfig())


def state(step: int) -> TrainState:
    one = np.zeros(8, np.float32)
    return TrainState(one, one, one, step)


def kept(timeline: Timeline, step: int) -> list[int]:
    way = Way(SETUP, None, True, (), 0, 0, SETUP, 0).trained(step, 0)
    return [keyframe.state.step for keyframe in timeline.on(way)]


def test_keyframes_lie_at_even_distances_of_the_logarithm() -> None:
    timeline = Timeline()
    for step in range(1, 20_000):
        timeline.trained(0, state(step))
    steps = np.array(kept(timeline, 20_000))
    late = steps[steps > 1000]
    assert np.all(np.diff(np.log(late)) < 1 / 38)
    assert np.all(np.diff(np.log(late)) > 1 / 42)


def test_the_budget_is_kept_by_thinning_evenly() -> None:
    size = Timeline()
    size.keep(0, state(1))
    timeline = Timeline(budget=20 * size.n_bytes)
    for step in range(1, 20_000):
        timeline.trained(0, state(step))
        assert timeline.n_bytes <= 20 * size.n_bytes
    gaps = np.diff(np.log1p(kept(timeline, 20_000)))
    assert len(gaps) == 19
    assert gaps.max() < 3 * np.median(gaps)
    tight = Timeline(budget=1)
    for step in (1, 2, 3):
        tight.keep(0, state(step))
    assert kept(tight, 9) == [3]


def test_any_step_is_seen_as_it_was_and_now_is_not_touched(names) -> None:
    run = Run(names)
    seen = {}
    for n in (7, 13, 25, 60):
        run.train(n)
        seen[run.trainer.state.step] = (run.bits(), run.trainer.train.batch)
        run.ask(SetBatch(n))
    run.train(30)
    now = run.bits()
    for step, (bits, batch) in seen.items():
        run.ask(Travel(step))
        visit = run.controller.situation.visit
        assert visit is not None
        assert (visit.step, visit.train.batch) == (step, batch)
        assert run.controller.lifecycle.status is Status.PAUSED
        assert all(name.step == step for name in visit.names)
        run.ask(ReturnToNow())
        assert run.controller.lifecycle.status is Status.RUNNING
        assert run.bits() == now
        run.ask(Travel(step), Branch(visit.entries, visit.step))
        assert (run.bits(), run.controller.situation.visit) == (bits, None)
        assert run.controller.lifecycle.status is Status.RUNNING
        run.ask(Undo())
        assert run.bits() == now
    run.check()


def test_one_goes_along_the_keyframes_and_no_further(names, refused) -> None:
    run = Run(names)
    for _ in range(5):
        run.train(20)
    keyframes = run.trainer.logbook.keyframes(100)
    run.ask(TravelOn(back=False))
    assert present(run.controller.situation.visit).step == 100
    for step in [step for step in keyframes[::-1] if step < 100]:
        run.ask(TravelOn(back=True))
        assert present(run.controller.situation.visit).step == step
    run.ask(TravelOn(back=True), TravelOn(back=False))
    assert present(run.controller.situation.visit).step == keyframes[1]
    with refused("never at step 101"):
        run.ask(Travel(101))
    run.ask(Resume())
    assert run.controller.situation.visit is None
    run.train(1)
    assert run.trainer.state.step == 101
