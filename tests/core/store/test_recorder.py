"""A session writes itself down as it goes, and goes on from there to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.model.state import TrainState
from eetui.core.run.commands import (
    Command,
    Load,
    Restart,
    Resume,
    Rewind,
    Save,
    SetBatch,
    SetLearningRate,
    SetSteps,
)
from eetui.core.run.session import Session
from eetui.core.run.snapshot import Snapshot, Status
from eetui.core.store.recorder import Recorder
from eetui.core.store.resume import resume
from eetui.core.store.store import Store
from tests.support.live import PATIENCE

from ...conftest import Refused

MODEL = ModelConfig(d_model=8, n_heads=2)
TRAIN = TrainConfig(batch=4, steps=400)


@dataclass
class Recording:
    """A session that trains in a thread and is recorded."""

    session: Session
    recorder: Recorder
    thread: Thread

    def end(self) -> TrainState:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        self.recorder.close()
        assert not self.recorder.problem
        return self.session.state


Record = Callable[..., Recording]


@pytest.fixture
def record(path: Path, names: Dataset) -> Iterator[Record]:
    started: list[Recording] = []

    def start(
        train: TrainConfig = TRAIN,
        see: Callable[[Session, Snapshot], None] | None = None,
        **options: Any,
    ) -> Recording:
        resumed = options.pop("resumed", None)
        stop = options.pop("stop_at_plan", True)
        session = Session(
            names, MODEL, train, engine="numpy", measure_peak=False, stop_at_plan=stop, **options
        )
        recorder = Recorder(path, session, names, resumed)
        told = None if see is None else (lambda snapshot: see(session, snapshot))
        thread = Thread(target=session.run, args=(recorder.watching(told), recorder.observe))
        started.append(Recording(session, recorder, thread))
        thread.start()
        return started[-1]

    yield start
    for each in started:
        each.session.close()
        each.thread.join(PATIENCE)


def straight(names: Dataset, train: TrainConfig) -> TrainState:
    session = Session(names, MODEL, train, engine="numpy", measure_peak=False, stop_at_plan=True)
    session.run()
    return session.state


def same(a: TrainState, b: TrainState) -> bool:
    return a.step == b.step and all(
        np.array_equal(getattr(a, v), getattr(b, v)) for v in ("params", "m", "v")
    )


def test_a_run_is_in_the_store_with_all_of_it(record: Record, path: Path, names: Dataset) -> None:
    state = record().end()
    with Store(path) as store:
        (run,) = store.runs()
        assert (run.step, run.status) == (400, "finished")
        assert run.settings["d_model"] == 8
        assert (run.data, run.data_fingerprint) == ("", names.fingerprint)
        curves = store.curves(run.id)
        assert curves.loss.steps[-1] == 400
        assert curves.held_out.latest == run.held_out_loss
        assert curves.wall.latest is not None
        assert run.wall_seconds >= run.seconds > 0
        assert run.cpu_seconds > 0
        assert {name["step"] for name in store.names(run.id)} == {0, 10, 100}
        resumed = resume(store, "last")
        assert same(resumed.state, state)


def test_what_took_no_step_is_not_kept(record: Record, path: Path) -> None:
    recording = record(paused=True, stop_at_plan=False)
    recording.session.close()
    recording.end()
    with Store(path) as store:
        assert store.runs() == []


def test_a_run_goes_on_to_the_bit_and_stays_one_run(
    record: Record, path: Path, names: Dataset
) -> None:
    def stop(session: Session, snapshot: Snapshot) -> None:
        if snapshot.step > 50:
            session.close()

    long = replace(TRAIN, steps=4000)
    first = record(stop_at_plan=False, see=stop, train=long)
    stopped = first.end()
    with Store(path) as store:
        found = resume(store, "last")
    assert same(found.state, stopped)
    second = record(found.setup.train, state=found.state, resumed=found)
    assert same(second.end(), straight(names, long))
    with Store(path) as store:
        (run,) = store.runs()
        assert (run.id, run.step) == (found.run.id, 4000)
        steps = store.curves(run.id).loss.steps
        assert np.all(np.diff(steps) > 0)
        assert steps[-1] == 4000
        assert run.wall_seconds > found.run.wall_seconds
        again = resume(store, run.id)
    assert same(again.state, second.session.state)


def test_the_log_alone_gives_the_same_weights(record: Record, path: Path, names: Dataset) -> None:
    """As after a kill, or where copying the state was too dear: it is trained once more."""
    given: dict[int, tuple[Command, ...]] = {
        20: (SetLearningRate(0.001),),
        40: (SetBatch(7),),
        60: (Rewind(), Resume()),
    }

    def see(session: Session, snapshot: Snapshot) -> None:
        for step in [step for step in given if snapshot.step >= step]:
            for command in given.pop(step):
                session.submit(command)

    state = record(see=see).end()
    with Store(path) as store:
        run = store.find("last")
        kept = resume(store, run.id).state
    assert same(kept, state)
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM states")
    connection.commit()
    connection.close()
    with Store(path) as store:
        assert same(resume(store, run.id).state, state)


def test_other_weights_are_another_run(record: Record, path: Path, tmp_path: Path) -> None:
    seen: list[str] = []

    def see(session: Session, snapshot: Snapshot) -> None:
        if snapshot.step > 30 and not seen:
            seen.append("restart")
            session.submit(Restart(train=TrainConfig(batch=4, steps=90, seed=9)))
        elif snapshot.train.seed == 9 and snapshot.status is Status.FINISHED and len(seen) == 1:
            seen.append("end")
            session.close()

    record(see=see, stop_at_plan=False).end()
    with Store(path) as store:
        new, old = store.runs()
        assert (new.step, new.settings["seed"]) == (90, 9)
        assert (old.status, old.settings["seed"]) == ("closed", 42)
        assert old.step > 30
        assert resume(store, old.id).state.step == old.step
        assert resume(store, new.id).state.step == 90


def test_data_that_have_changed_are_refused(path: Path, tmp_path: Path, refused: Refused) -> None:
    text = tmp_path / "words.txt"
    text.write_text("\n".join(f"word{chr(97 + i % 26)}{i % 7}" for i in range(60)))
    session = Session(
        load_dataset(str(text)), MODEL, TrainConfig(batch=2, steps=20), engine="numpy",
        measure_peak=False, stop_at_plan=True,
    )  # fmt: skip
    recorder = Recorder(path, session, load_dataset(str(text)))
    session.run(recorder.watching())
    recorder.close()
    with Store(path) as store:
        assert resume(store, "last").state.step == 20
        text.write_text("other\nwords\n" * 20)
        with refused("holds other documents than when"):
            resume(store, "last")


def test_a_store_that_fails_is_told_and_the_training_goes_on(
    tmp_path: Path, names: Dataset
) -> None:
    session = Session(
        names, MODEL, TrainConfig(batch=2, steps=30), engine="numpy", measure_peak=False,
        stop_at_plan=True,
    )  # fmt: skip
    recorder = Recorder(tmp_path, session, names)
    session.run(recorder.watching())
    recorder.close()
    assert session.state.step == 30
    assert "is a folder" in recorder.problem


def test_a_checkpoint_that_is_opened_is_another_run(
    record: Record, path: Path, tmp_path: Path
) -> None:
    file = tmp_path / "run.safetensors"
    given: list[tuple[int, list[Command]]] = [
        (20, [Save(file)]),
        (60, [Load(file), SetSteps(5000), Resume()]),
    ]

    def see(session: Session, snapshot: Snapshot) -> None:
        if given and snapshot.step >= given[0][0]:
            for command in given.pop(0)[1]:
                session.submit(command)
        if snapshot.status is Status.FINISHED:
            session.close()

    record(replace(TRAIN, steps=100_000), see=see, stop_at_plan=False).end()
    with Store(path) as store:
        new, old = store.runs()
        assert new.step == 5000
        assert old.step >= 60
        assert resume(store, new.id).state.step == 5000
