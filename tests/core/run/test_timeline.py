"""Keyframes within their budget, and the exact state between them."""

from __future__ import annotations

import numpy as np

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run.commands import (
    Branch,
    ChangeTemperature,
    Resume,
    ReturnToNow,
    SetBatch,
    SetNames,
    Travel,
    TravelBy,
    TravelOn,
    Undo,
)
from eetui.core.run.picturing import snapshot_of
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


def test_the_one_that_leaves_the_smallest_gap_goes() -> None:
    size = Timeline()
    size.keep(0, state(1))
    timeline = Timeline(budget=3 * size.n_bytes)
    for step in (2, 3, 9, 10):  # without it: log(4 / 1), log(10 / 3), log(11 / 4)
        timeline.keep(0, state(step))
    assert kept(timeline, 20) == [2, 3, 10]


def test_after_going_elsewhere_the_next_keyframe_is_as_far_as_ever() -> None:
    timeline = Timeline()
    timeline.keep(0, state(1000))
    timeline.left(400)
    for step in range(401, 421):
        timeline.trained(0, state(step))
    assert kept(timeline, 1000) == [410, 420, 1000]


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


def test_a_visit_tells_the_loss_of_its_step_and_none_before_the_first(names) -> None:
    run = Run(names)
    run.train(40)
    run.ask(Travel(25))
    visit = run.controller.situation.visit
    assert visit is not None
    curve = run.trainer.history.curve()
    place = int(np.searchsorted(curve.steps, 25))
    assert (visit.loss, visit.us_per_step) == (curve.loss[place], curve.us[place])
    run.ask(Travel(0))
    visit = run.controller.situation.visit
    assert visit is not None
    assert (visit.loss, visit.us_per_step, visit.seconds) == (None, None, 0.0)


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


def test_single_steps_lead_along_the_timeline_and_stop_at_its_ends(names: Dataset) -> None:
    run = Run(names)
    run.train(50)

    def at() -> int:
        visit = run.controller.situation.visit
        assert visit is not None
        return visit.step

    steps = []
    for by in (-1, -1, 1, -20, 3, -99, 1, 99):
        run.ask(TravelBy(by))
        steps.append(at())
    assert steps == [49, 48, 49, 29, 32, 0, 1, 50]


def test_a_visit_shows_all_figures_as_they_were(names: Dataset) -> None:
    run = Run(names)
    run.train(20)
    run.ask(SetNames(temperature=0.9, prefix="k"))
    run.train(400)
    run.ask(ChangeTemperature(up=False), SetNames(prefix=""))
    run.trainer.held_out.track.add(15, 0.1, 3.2)
    run.trainer.held_out.track.add(400, 0.2, 2.9)
    run.ask(Travel(30))
    now = snapshot_of(run.trainer, run.controller.situation)
    then = now.as_seen
    assert (then.temperature, then.prefix) == (0.9, "k")
    assert all(name.text.startswith("k") for name in then.names)
    assert then.held_out.latest == 3.2
    assert now.held_out.latest == 2.9
    assert [name.step for name in then.milestones] == [
        n.step for n in now.milestones if n.step < 30
    ]
    assert 0 < then.seconds < now.seconds
    assert then.us_per_step is not None
    assert then.statistics.n == len(then.names)
    run.ask(ReturnToNow())
    assert snapshot_of(run.trainer, run.controller.situation).as_seen.temperature == 0.8
