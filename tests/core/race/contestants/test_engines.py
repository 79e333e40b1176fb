"""This project's engines as contestants."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import registry
from eetui.core.engines import registry as engines
from eetui.core.engines.native import library
from eetui.core.engines.numba.engine import NumbaEngine
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.engines.subject import Subject
from eetui.core.errors import EngineError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.race.contestants.engines import MATRIX, NATIVE, NUMBA
from eetui.core.race.lane import RacePlan
from eetui.core.race.league import compete
from eetui.core.race.roster import create
from eetui.core.race.tasks import make_task

MODEL = ModelConfig(d_model=16)


def runnable(contestant):
    if reason := contestant.why_not():
        pytest.skip(reason)
    return contestant


@pytest.mark.parametrize("contestant", [NUMBA, NATIVE, MATRIX], ids=lambda c: c.name)
@pytest.mark.parametrize("rules", ["equal", "microgpt"])
def test_it_learns_from_the_tasks_weights_and_documents(contestant, rules):
    learner = runnable(contestant).start(
        make_task(rules, Subject(load_dataset(), MODEL), steps=1000)
    )
    losses = learner.advance(1000)
    assert learner.batch == (16 if rules == "equal" else 1)
    assert losses.dtype == np.float64
    assert losses[:10].mean() == pytest.approx(np.log(27), abs=0.35)
    assert losses[-100:].mean() < (2.3 if rules == "equal" else 2.7)
    assert len(learner.generate(3, 0.5, 1)) == 3
    assert learner.n_params == MODEL.n_params
    assert learner.work().count == 21
    assert learner.work().samples == learner.batch


@pytest.mark.parametrize("contestant", [NUMBA, NATIVE], ids=lambda c: c.name)
def test_by_microgpts_rules_it_follows_the_float64_program(contestant):
    task = make_task("microgpt", Subject(load_dataset(), MODEL))
    exact = create("explicit").start(task).advance(100)
    assert runnable(contestant).start(task).advance(100) == pytest.approx(exact, rel=1e-3)


def test_slices_are_one_run():
    task = make_task("microgpt", Subject(load_dataset(), MODEL))
    whole, parts = NUMBA.start(task), NUMBA.start(task)
    assert np.array_equal(
        whole.advance(60), np.concatenate([parts.advance(n) for n in (1, 2, 4, 53)])
    )


def test_the_engines_own_run_gives_the_same_losses():
    """Equal rules are those of `eetui train`."""
    task = make_task("equal", Subject(load_dataset(), MODEL), steps=50)
    state = TrainState.create(MODEL, 42)
    engine = NumbaEngine()
    report = engine.run(
        state,
        task.dataset,
        MODEL,
        task.train,
        engine.default_optimizations(),
        task.documents(0, 50, 16),
        task.learning_rates(0, 50).astype(np.float32),
    )
    assert NUMBA.start(task).advance(50) == pytest.approx(report.losses, rel=1e-6)


class Unit(NumpyEngine):
    """An engine that has the matrix units in `has`."""

    def __init__(self, *has: str) -> None:
        super().__init__()
        self.has = has

    def default_optimizations(self) -> Optimizations:
        return Optimizations()

    def why_not(self, key, value) -> str:
        assert key == "products"
        return "" if value in ("tiles", *self.has) else f"No {str(value)[:3]}."


@pytest.mark.parametrize(
    ("has", "taken"), [(("amx",), "amx"), (("sme2",), "sme2"), (("amx", "sme2"), "sme2")]
)
def test_the_matrix_contestant_takes_the_unit_there_is(has, taken):
    assert MATRIX.optimizations(Unit(*has)).products == taken
    assert NATIVE.optimizations(Unit(*has)).products == "tiles"


def test_without_a_unit_every_reason_is_told(monkeypatch):
    monkeypatch.setattr(engines, "create", lambda name: Unit())
    assert MATRIX.why_not().startswith("No sme. No amx.")
    assert MATRIX.why_not().count("No amx.") == 1
    assert NATIVE.why_not() == ""


def test_an_engine_that_was_not_built_is_listed(monkeypatch, task):
    def missing(name):
        raise EngineError(library.WHY_MISSING)

    monkeypatch.setattr(registry, "create", missing)
    *_, last = compete(task, [NATIVE], RacePlan(1.0))
    assert (last.standings[0].status, last.standings[0].reason) == ("cannot", library.WHY_MISSING)
