"""The engine and toggles that are asked for: getting ready, standing in, and saying why not."""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.engines import availability, registry
from eetui.core.engines.availability import judge
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.errors import EngineError
from eetui.core.optimizations import Optimizations, Value, find_optimization
from eetui.core.run.commands import (
    CycleOptimization,
    Restart,
    SetOptimization,
)
from eetui.core.run.snapshot import Status
from tests.support.sessions import LONG, SMALL, session


class SlowToPrepare(NumpyEngine):
    """Stands for an engine that compiles: it gets ready when a test lets it."""

    name = "slow"

    def __init__(self) -> None:
        super().__init__()
        self.may_finish = threading.Event()
        self.ready_for: set[object] = set()
        self.breaks = ""

    def default_optimizations(self):
        return Optimizations()

    def is_ready(self, model, optimizations):
        return optimizations in self.ready_for

    def why_not(self, key, value):
        return "SME2: there is none." if value == "sme2" else ""

    def prepare(self, model, optimizations, progress=None):
        progress("Compiling ...")
        assert self.may_finish.wait(30)
        if self.breaks:
            raise EngineError(self.breaks)
        self.ready_for.add(optimizations)


@pytest.fixture
def slow(monkeypatch):
    engine = SlowToPrepare()
    create = registry.create
    monkeypatch.setattr(registry, "create", lambda name: engine if name == "slow" else create(name))
    return engine


def test_the_subject_is_what_trains_now(names, live, slow) -> None:
    run = live(session(names, engine="slow"))
    assert not run.wait_for(lambda s: s.step > 0).is_ready
    before = run.session.subject
    assert (before.model, before.train, before.engine) == (SMALL, LONG, "numpy")
    assert before.dataset.fingerprint == names.fingerprint
    slow.may_finish.set()
    run.wait_for(lambda s: s.is_ready)
    run.session.submit(Restart(replace(SMALL, block_size=8), replace(LONG, seed=7)))
    run.wait_for(lambda s: s.model.block_size == 8)
    subject = run.session.subject
    assert (subject.engine, subject.train.seed) == ("slow", 7)
    assert subject.dataset.block_size == 8


def test_a_stand_in_trains_until_the_engine_is_ready(names, live, slow) -> None:
    run = live(session(names, engine="slow"))
    before = run.wait_for(lambda s: s.step > 3)
    assert before.engine == "numpy"
    assert before.message == "Compiling ..."
    assert all(t.blocked for t in before.toggles if t.key != "batch")
    run.session.submit(CycleOptimization("fast_exp"))
    assert "not ready" in run.wait_for(lambda s: s.notice).notice.text
    slow.may_finish.set()
    after = run.wait_for(lambda s: s.engine == "slow")
    assert after.step >= before.step
    assert [e.key for e in after.events] == ["engine"]
    run.close()
    assert sorted(run.losses) == list(range(run.session.state.step))


def test_without_a_stand_in_the_first_step_is_the_engines(names, live, slow) -> None:
    run = live(session(names, engine="slow", stand_in=False))
    assert run.wait_for(lambda s: s.message == "Compiling ...").step == 0
    slow.may_finish.set()
    assert run.wait_for(lambda s: s.step > 0).engine == "slow"
    assert run.session.latest.events[0].step == 0


def test_an_engine_that_cannot_start_is_said_and_training_goes_on(names, live, slow) -> None:
    slow.breaks = "The compiler is missing."
    slow.may_finish.set()
    run = live(session(names, engine="slow"))
    text = run.wait_for(lambda s: s.notice).notice.text
    assert text == "The compiler is missing. Training goes on with the numpy engine."
    step = run.session.latest.step
    run.wait_for(lambda s: s.step > step)


def test_an_engine_that_cannot_start_ends_a_headless_run(names, live, slow) -> None:
    slow.breaks = "The compiler is missing."
    slow.may_finish.set()
    run = live(session(names, engine="slow", stand_in=False, stop_at_plan=True))
    assert run.wait_for_end().status is Status.FAILED
    assert str(run.session.failure) == "The compiler is missing."


def test_a_toggle_that_must_compile_is_pending_while_the_old_one_runs(names, live, slow) -> None:
    slow.may_finish.set()
    run = live(session(names, engine="slow"))
    run.wait_for(lambda s: s.engine == "slow")
    slow.may_finish.clear()
    run.session.submit(CycleOptimization("fast_exp"))
    pending = run.wait_for(lambda s: s.toggles[1].pending)
    assert (pending.toggles[1].label, pending.toggles[1].pending) == ("on", "off")
    run.wait_for(lambda s: s.step > pending.step + 5)
    slow.may_finish.set()
    done = run.wait_for(lambda s: not s.optimizations.fast_exp)
    assert (done.toggles[1].label, done.toggles[1].pending) == ("off", "")
    assert done.events[-1].label == "fast exp off"


def test_a_blocked_toggle_says_why(names, live, slow) -> None:
    slow.may_finish.set()
    run = live(session(names, engine="slow"))
    run.wait_for(lambda s: s.engine == "slow")
    run.session.submit(SetOptimization("products", "sme2"))
    assert run.wait_for(lambda s: s.notice).notice.text == "SME2: there is none."
    assert run.session.latest.optimizations.products == "tiles"


def test_an_impossible_assignment_is_refused(names, live, slow) -> None:
    slow.may_finish.set()
    run = live(
        session(
            names,
            engine="slow",
            assignments=["products=sme2"],
            stand_in=False,
            stop_at_plan=True,
        )
    )
    run.wait_for_end()
    assert str(run.session.failure) == "products=sme2 is not possible here: SME2: there is none."


def ways_of_products() -> list[Value]:
    """The values of the toggle on this machine, or a skipped test if there is but one."""
    try:
        engine = registry.create("native")
    except EngineError as error:
        pytest.skip(str(error))
    entry = find_optimization("products")
    return list(judge(engine, entry, engine.default_optimizations()).values)


def test_a_thousand_switches_of_the_products_lose_no_step(names, monkeypatch) -> None:
    values, rng, used = ways_of_products(), random.Random(1), []
    run = NativeEngine.run

    def recorded(self, state, dataset, model, train, optimizations, *more):
        used.append(optimizations.products)
        return run(self, state, dataset, model, train, optimizations, *more)

    monkeypatch.setattr(NativeEngine, "run", recorded)
    switched = session(names, train=TrainConfig(steps=10**6), engine="native", stand_in=False)
    steps: list[int] = []
    values_of: list[np.ndarray] = []

    def observe(first_step: int, losses: np.ndarray) -> None:
        """Called after every chunk: ask for another engine before the next."""
        steps.extend(range(first_step, first_step + len(losses)))
        values_of.append(losses)
        others = [value for value in values if value != used[-1]]
        switched.submit(SetOptimization("products", rng.choice(others)))
        if len(used) > 1000:
            switched.close()

    switched.run(observe=observe)
    assert switched.failure is None
    assert all(a != b for a, b in itertools.pairwise(used[:1001]))
    assert set(used) == set(values)
    assert steps == list(range(len(steps)))
    assert len(steps) == switched.state.step
    assert np.isfinite(np.concatenate(values_of)).all()


def test_the_first_cycle_says_why_the_other_values_are_not_there(names, live) -> None:
    run = live(session(names, engine="native", stand_in=False))
    assert ways_of_products()
    engine = registry.create("native")
    entry = find_optimization("products")
    missing = judge(engine, entry, engine.default_optimizations()).reason
    run.wait_for(lambda s: s.step)
    run.session.submit(CycleOptimization("products"))
    last = run.wait_for(lambda s: s.optimizations.products != "tiles")
    assert (last.notice.text if last.notice else "") == missing
    run.session.submit(CycleOptimization("products"))
    value = last.optimizations.products
    again = run.wait_for(lambda s: s.optimizations.products != value)
    assert again.notice == last.notice


def test_another_shape_takes_the_products_that_suit_it(names, live, monkeypatch) -> None:
    values = ways_of_products()
    monkeypatch.setattr(availability, "AUTOMATIC", ("outer",))
    assert "outer" in values
    wide = ModelConfig(d_model=64)
    run = live(session(names, model=wide, train=TrainConfig(), engine="native", stand_in=False))
    assert run.wait_for(lambda s: s.step).optimizations.products == "outer"
    run.session.submit(Restart(SMALL))
    run.wait_for(lambda s: s.model.d_model == 16 and s.optimizations.products == "tiles")
    run.session.submit(SetOptimization("products", "tiles"))
    run.session.submit(Restart(wide))
    last = run.wait_for(lambda s: s.model.d_model == 64 and s.step)
    assert last.optimizations.products == "tiles"  # somebody has chosen by now
