"""A capsule played live: the same weights, every change at its step, paused and faster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from time import monotonic

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.track import TrackCurve
from eetui.core.data.dataset import Dataset
from eetui.core.run.commands import (
    Command,
    Restart,
    Resume,
    SetBatch,
    SetLearningRate,
    SetOptimization,
    SingleStep,
    TogglePause,
)
from eetui.core.run.session import Session
from eetui.core.run.snapshot import Snapshot, Status
from eetui.core.store.capsule import Capsule, pack
from eetui.core.store.playback import Playback
from eetui.core.store.recorder import Recorder
from eetui.core.store.store import Store

MODEL = ModelConfig(d_model=8, n_heads=2)
PATIENCE = 30.0


@pytest.fixture(scope="module")
def capsule(tmp_path_factory: pytest.TempPathFactory, names: Dataset) -> Capsule:
    path: Path = tmp_path_factory.mktemp("store") / "runs.sqlite"
    given: dict[int, Command] = {
        20: SetLearningRate(0.002),
        50: SetBatch(9),
        80: SetOptimization("padding_skip", False),
    }
    train = TrainConfig(batch=4, steps=200)
    session = Session(names, MODEL, train, engine="numpy", measure_peak=False, stop_at_plan=True)

    def see(snapshot: Snapshot) -> None:
        for step in [step for step in given if snapshot.step >= step]:
            session.submit(given.pop(step))

    recorder = Recorder(path, session, names)
    session.run(recorder.watching(see), recorder.observe)
    recorder.close()
    with Store(path) as store:
        return pack(store, "last")


def play(playback: Playback, until: Callable[[Snapshot], bool]) -> Snapshot:
    """Play in a thread until a snapshot is like that, and close."""
    thread = Thread(target=playback.run)
    thread.start()
    deadline = monotonic() + PATIENCE
    try:
        while not until(playback.latest):
            assert monotonic() < deadline, playback.latest
            thread.join(0.01)
        return playback.latest
    finally:
        playback.close()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_it_ends_in_the_same_weights_with_the_same_marks(capsule: Capsule, names: Dataset) -> None:
    playback = Playback(capsule, names, speed=100)
    last = play(playback, lambda s: s.status is Status.FINISHED)
    assert playback.state.fingerprint == capsule.weights
    changes = {e.step: e.change for e in capsule.log.entries}
    assert {event.step for event in last.events} >= {*changes}
    assert last.train.batch == 9
    assert last.optimizations.padding_skip is False
    assert (last.step, last.train.learning_rate) == (200, 0.002)


def test_it_keeps_the_pace_of_the_run(capsule: Capsule, names: Dataset) -> None:
    """A run that took four hundred seconds is at its beginning after a moment."""
    slow = TrackCurve(np.array([200]), np.array([400.0]), np.array([400.0]))
    playback = Playback(replace(capsule, pace=slow), names)
    seen = play(playback, lambda s: s.step >= 1)
    assert seen.step < 100


def test_it_pauses_steps_and_goes_on(capsule: Capsule, names: Dataset) -> None:
    slow = TrackCurve(np.array([200]), np.array([4e4]), np.array([4e4]))
    playback = Playback(replace(capsule, pace=slow), names)
    playback.submit(SingleStep())
    playback.submit(SingleStep())
    playback.submit(TogglePause())
    playback.submit(TogglePause())
    playback.submit(SingleStep())
    assert play(playback, lambda s: s.step == 3).status is Status.PAUSED


def test_it_only_plays(capsule: Capsule, names: Dataset) -> None:
    playback = Playback(capsule, names)
    playback.submit(Restart())
    playback.submit(Resume())
    seen = play(playback, lambda s: s.notice is not None and "only plays" in s.notice.text)
    assert seen.train.seed == 42


def test_the_speed_is_told(capsule: Capsule, names: Dataset) -> None:
    playback = Playback(capsule, names)
    playback.change_speed(True)
    playback.change_speed(True)
    play(playback, lambda s: s.notice is not None and s.notice.text == "5×")
