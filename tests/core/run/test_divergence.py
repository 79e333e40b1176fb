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
