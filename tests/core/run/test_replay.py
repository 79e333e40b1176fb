"""A run is its data and its log: trained again from the log's JSON, it ends in the same bits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import registry
from eetui.core.engines.availability import judge
from eetui.core.errors import EngineError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import CATALOGUE, Optimizations
from eetui.core.run.commands import (
    CycleOptimization,
    GoOn,
    Load,
    Restart,
    Resume,
    Rewind,
    Save,
    ScaleBatch,
    ScaleLearningRate,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SetSteps,
    SingleStep,
    UseEngine,
)
from eetui.core.run.log import Entry, Log, read_log
from eetui.core.run.replay import Stretch, replay, surviving
from eetui.core.run.session import Session
from eetui.core.run.setup import Setup
from eetui.core.run.snapshot import Status

SMALL = ModelConfig(d_model=16)
TRAIN = TrainConfig(batch=4, steps=2000)


def engine(name: str):
    try:
        return registry.create(name)
    except EngineError as error:
        pytest.skip(str(error))


def same(a: TrainState, b: TrainState) -> bool:
    return a.fingerprint == b.fingerprint and np.array_equal(a.params, b.params)


def again(log: Log, dataset, state: TrainState | None = None) -> TrainState:
    return replay(read_log(json.dumps(log.to_json())), dataset, state)


class Script:
    """Asks a session for something at given steps, from the thread that trains."""

    def __init__(self, session: Session, at: list[tuple[int, Callable[[], object]]]) -> None:
        self.session, self.at = session, at
        session.run(observe=self._after)

    def _after(self, first_step: int, losses: np.ndarray) -> None:
        while self.at and first_step + len(losses) >= self.at[0][0]:
            self.at.pop(0)[1]()
        if not self.at:
            self.session.close()


def test_a_run_with_every_kind_of_change_is_trained_again_to_the_bit(names, tmp_path) -> None:
    session = Session(
        names,
        SMALL,
        TRAIN,
        engine=engine("native").name,
        stand_in=False,
        measure_peak=False,
        stop_at_plan=True,
    )
    saved, wide = tmp_path / "saved.safetensors", replace(SMALL, d_model=32, block_size=8)
    asked = [
        (100, SetBatch(9)),
        (200, ScaleBatch(up=True)),
        (300, SetLearningRate(0.004)),
        (400, ScaleLearningRate(up=False)),
        (500, CycleOptimization("padding_skip")),
        (550, SetOptimization("vector_width", 4)),
        (600, SetOptimization("adam", "scalar")),
        (650, CycleOptimization("prefix_sharing")),
        (670, CycleOptimization("optimizer")),
        (700, SetNames(temperature=0.8, prefix="ka")),
        (800, SetSteps(3000)),
        (900, Rewind()),
        (950, Save(saved)),
        (1000, Restart(wide, replace(TRAIN, seed=7))),
        (40, SetOptimization("fused", False)),
        (80, SetOptimization("work_order", "sample")),
        (120, Restart()),
        (60, Load(saved)),
    ]
    later = [
        (1200, SetOptimization("threads", 2)),
        (1300, SetOptimization("optimizer", "muon")),
        (1400, CycleOptimization("fast_exp")),
        (1600, SingleStep()),
        (1601, GoOn(500)),
        (1800, SetBatch(3)),
        (2000, SetBatch(16)),
    ]
    done = []

    def ask(command):
        def act():
            done.append(command)
            session.submit(command)
            if isinstance(command, Rewind | Load | SingleStep):
                session.submit(Resume())

        return act

    Script(session, [(step, ask(command)) for step, command in [*asked, *later]])
    log = session.log
    assert len(done) == len(asked) + len(later)
    assert session.latest.status is Status.CLOSED
    assert {type(entry.change).__name__ for entry in log.entries} == {
        "UseEngine", "SetBatch", "SetLearningRate", "SetOptimization", "SetNames", "SetSteps",
        "Rewind", "Restart", "UseState",
    }  # fmt: skip
    assert same(again(log, names), session.state)


def test_the_log_says_which_engine_trained_which_steps(names) -> None:
    session = Session(
        names, SMALL, TRAIN, engine=engine("native").name, measure_peak=False, stop_at_plan=True
    )
    Script(session, [(300, lambda: None)])
    log = session.log
    assert log.setup.engine == "numpy"
    (taken,) = [entry.change for entry in log.entries if isinstance(entry.change, UseEngine)]
    assert taken.engine == "native"
    assert same(again(log, names), session.state)


def test_a_run_that_began_with_a_state_needs_that_state(names, refused) -> None:
    state = TrainState.create(SMALL, 3)
    state.step = 40
    session = Session(
        names,
        SMALL,
        TRAIN,
        engine="numpy",
        state=state.clone(),
        measure_peak=False,
        stop_at_plan=True,
    )
    Script(session, [(60, lambda: None)])
    assert same(again(session.log, names, state), session.state)
    assert state.step == 40
    with refused("began with a state at step 40"):
        replay(session.log, names)
    with refused("began with a state at step 40"):
        replay(session.log, names, TrainState.create(SMALL, 3))


def test_other_data_and_other_files_are_refused(names, tmp_path, refused) -> None:
    saved, file = tmp_path / "saved.safetensors", tmp_path / "few.txt"
    file.write_text("anna\notto\n")
    session = Session(names, SMALL, TRAIN, engine="numpy", measure_peak=False, stop_at_plan=True)
    at: list[tuple[int, Callable[[], object]]] = [
        (5, lambda: session.submit(Save(saved))),
        (9, lambda: session.submit(Load(saved))),
    ]
    Script(session, at)
    with refused("few.txt holds other documents"):
        replay(session.log, load_dataset(str(file)))
    other = Session(
        names, SMALL, replace(TRAIN, seed=1), engine="numpy", measure_peak=False, stop_at_plan=True
    )
    Script(other, [(5, lambda: other.submit(Save(saved)))])
    with refused("not the checkpoint that the run opened"):
        replay(session.log, names)


BEGIN = Log("", "names", Setup("numpy", Optimizations(), SMALL, TRAIN), "", 0, (), 100)


def test_what_was_given_up_is_not_trained_again() -> None:
    entries = (
        Entry(10, SetBatch(8)),
        Entry(50, Rewind(30)),
        Entry(30, SetLearningRate(0.001)),
        Entry(60, Rewind(5)),
        Entry(5, SetBatch(2)),
    )
    way = surviving(replace(BEGIN, entries=entries))
    batches = [(s.first, s.last, s.setup.train.batch) for s in way.stretches]
    assert batches == [(0, 5, 4), (5, 100, 2)]
    assert way.stretches[1].setup.train.learning_rate == 0.001
    once = surviving(replace(BEGIN, entries=entries[:3]))
    assert [(s.first, s.last) for s in once.stretches] == [(0, 10), (10, 30), (30, 100)]
    anew = surviving(replace(BEGIN, entries=(*entries, Entry(90, Restart(SMALL, TRAIN)))))
    assert anew.stretches == (Stretch(BEGIN.setup, 0, 100),)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ((Entry(50, SetBatch(8)), Entry(40, SetBatch(4))), "falls from step 50 to 40"),
        ((Entry(200, SetBatch(8)),), "falls from step 200 to 100"),
        ((Entry(50, Rewind(60)),), "where the run never was"),
        ((Entry(50, Rewind(None)),), "where the run never was"),
    ],
)
def test_a_log_that_cannot_be_is_refused(entries, words, refused) -> None:
    with refused(words):
        surviving(replace(BEGIN, entries=entries))


def test_a_log_of_an_earlier_version_drew_its_documents() -> None:
    written = replace(BEGIN, entries=(Entry(50, Restart(SMALL, TRAIN)),)).to_json()
    assert written["train"].pop("order") == "shuffled"
    assert written["entries"][0]["train"].pop("order") == "shuffled"
    del written["optimizations"]["optimizer"]
    read = read_log(json.dumps(written))
    assert read.setup.train == replace(BEGIN.setup.train, order="drawn")
    assert read.entries[0].change == Restart(SMALL, replace(TRAIN, order="drawn"))
    assert read.setup.optimizations.optimizer == "adam"


@pytest.mark.parametrize("name", ["native", "numba", "numpy"])
def test_how_many_steps_are_taken_at_once_changes_no_bit(name, names) -> None:
    tried = engine(name)
    base = tried.default_optimizations()
    toggles = {base}
    for entry in CATALOGUE if name == "native" else ():
        for value in judge(tried, entry, base).values:
            toggles.add(entry.applied(base, value))
    for optimizations in toggles:
        setup = Setup(name, optimizations, SMALL, TRAIN)
        cut = setup.cut(names)
        tried.prepare(SMALL, optimizations)
        whole, pieces = TrainState.create(SMALL, 1), TrainState.create(SMALL, 1)
        setup.advance(tried, whole, cut, 60)
        for n in (1, 2, 1, 7, 30, 19):
            setup.advance(tried, pieces, cut, n)
        assert same(whole, pieces), optimizations
