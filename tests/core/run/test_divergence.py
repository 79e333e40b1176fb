"""A run that diverges: found, said, and left for the last good state."""

from __future__ import annotations

import numpy as np

from eetui.core.engines import registry
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.model.state import TrainState
from eetui.core.run.commands import (
    Resume,
    Rewind,
    SingleStep,
)
from eetui.core.run.divergence import Chunk, DivergenceWatch
from eetui.core.run.snapshot import Status
from tests.support.sessions import LONG, SMALL, session


class Diverges(NumpyEngine):
    """Loses its weights from step 3 on, unless the learning rate has been lowered."""

    def run(self, state, dataset, model, train, *more):
        report = super().run(state, dataset, model, train, *more)
        if train.learning_rate == LONG.learning_rate and state.step >= 3:
            state.params[5] = np.nan
        return report


def test_divergence_pauses_and_going_back_halves_the_rate(names, live, monkeypatch) -> None:
    monkeypatch.setattr(registry, "create", lambda name: Diverges())
    run = live(session(names, paused=True))
    run.wait_for(lambda s: s.status is Status.PAUSED)
    run.session.submit(SingleStep())
    run.wait_for(lambda s: s.step == 1)
    run.session.submit(Resume())
    bad = run.wait_for(lambda s: s.status is Status.DIVERGED)
    assert f"at step {bad.step}." in bad.message
    assert np.isfinite(bad.curve.loss).all()
    run.session.submit(Resume())
    assert "diverged" in run.wait_for(lambda s: s.notice).notice.text
    run.session.submit(Rewind())
    back = run.wait_for(lambda s: s.status is Status.PAUSED)
    assert back.step == 1
    assert back.train.learning_rate == bad.train.learning_rate / 2
    run.session.submit(Resume())
    run.wait_for(lambda s: s.step > back.step + 10 and np.isfinite(s.loss))


def test_divergence_ends_a_headless_run_with_an_error(names, live) -> None:
    state = TrainState.create(SMALL, 0)
    state.params[:] = np.inf
    run = live(session(names, state=state, stop_at_plan=True))
    assert run.wait_for_end().status is Status.DIVERGED
    assert "at step 0: lower" in str(run.session.failure)


class Wanders(NumpyEngine):
    """Its loss is far above chance from step 300 on, and always finite."""

    def run(self, state, dataset, model, train, *more):
        first = state.step
        report = super().run(state, dataset, model, train, *more)
        steps = np.arange(first, first + len(report.losses))
        report.losses[(steps >= 300) & (steps != 450)] += 4.0
        return report


def test_a_loss_that_stays_far_above_its_start_is_a_divergence(names, live, monkeypatch) -> None:
    create = registry.create
    monkeypatch.setattr(
        registry, "create", lambda name: Wanders() if name == "wanders" else create(name)
    )
    run = live(session(names, engine="wanders", stop_at_plan=True))
    last = run.wait_for_end()
    assert last.status is Status.DIVERGED
    assert "has stayed 3 nats above its start for 200 steps" in last.message
    assert "with half the learning rate" in last.message
    assert last.step >= 650  # step 450 was near its start again
    assert last.step < 800
    assert sorted(run.losses) == [*range(last.step)]


# -- the watch alone -------------------------------------------------------------------------------


def losses(*parts: tuple[int, float]) -> np.ndarray:
    return np.concatenate([np.full(n, value, np.float32) for n, value in parts])


def judged(watch: DivergenceWatch, first: int, values: np.ndarray, state=None) -> Chunk:
    return watch.judge(first, values, state or TrainState.create(SMALL, 0))


def test_a_loss_that_is_not_finite_ends_a_chunk_before_it() -> None:
    for bad in (np.nan, np.inf, -np.inf):
        chunk = judged(DivergenceWatch(27), 40, losses((3, 2.0), (1, bad), (2, 2.0)))
        assert (chunk.first_step, chunk.diverged_at, chunk.losses.tolist()) == (40, 43, [2.0] * 3)
        assert chunk.why == "stopped being a finite number"


def test_weights_that_are_not_finite_end_it_after_the_chunk() -> None:
    state = TrainState.create(SMALL, 0)
    state.params[7] = np.inf
    chunk = judged(DivergenceWatch(27), 40, losses((3, 2.0)), state)
    assert (chunk.diverged_at, len(chunk.losses)) == (43, 3)
    assert chunk.why == "stopped being a finite number"
    assert judged(DivergenceWatch(27), 40, losses((3, 2.0))).diverged_at is None


def test_two_hundred_steps_three_nats_above_the_start_are_too_many() -> None:
    """Above the mean of the first hundred, or chance where that is lower: log 27 = 3.296."""
    for begun, limit in ((2.5, 5.5), (9.0, np.log(27) + 3)):
        watch = DivergenceWatch(27)
        assert judged(watch, 0, losses((60, begun))).diverged_at is None
        assert judged(watch, 60, losses((40, begun))).diverged_at is None
        assert judged(watch, 100, losses((1, 1.0), (199, limit + 0.01))).diverged_at is None
        assert judged(watch, 300, losses((1, limit + 0.01))).diverged_at == 301
        watch.went_back()
        assert judged(watch, 300, losses((199, limit + 0.01))).diverged_at is None
        assert judged(watch, 499, losses((1, limit - 0.01), (199, 99.0))).diverged_at is None
        assert judged(watch, 699, losses((1, 99.0))).diverged_at == 700
        assert judged(watch, 700, losses((300, limit - 0.01))).diverged_at is None


def test_the_start_is_judged_only_when_there_is_one() -> None:
    watch = DivergenceWatch(27)
    assert judged(watch, 0, losses((99, 2.0))).diverged_at is None
    chunk = judged(watch, 99, losses((1, 2.0), (300, 9.0)))
    assert (chunk.diverged_at, chunk.why) == (
        400, "has stayed 3 nats above its start for 200 steps",
    )  # fmt: skip
