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
from tests.support.live import PATIENCE

MODEL = ModelConfig(d_model=8, n_heads=2)


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


# -- by a clock of its own -------------------------------------------------------------------------


class Watched:
    """A playback in this thread, whose clock goes on by `seconds` from look to look.

    steps: of all snapshots. at: what is asked at which look.
    """

    def __init__(
        self,
        playback: Playback,
        monkeypatch: pytest.MonkeyPatch,
        at: dict[int, Callable[[], None]],
        looks: int,
        seconds: float = 1.0,
    ) -> None:
        self.now, self.look = 100.0, 0
        self.seen: list[Snapshot] = []
        self.losses: list[int] = []
        self._seconds = seconds
        monkeypatch.setattr("eetui.core.store.playback.monotonic", lambda: self.now)
        monkeypatch.setattr("eetui.core.store.playback.WAIT_SECONDS", 0.0)

        def tick() -> None:
            if self.look in at:
                at[self.look]()
            if self.look == looks:
                playback.close()
            self.look += 1
            self.now += self._seconds

        playback.run(self.seen.append, self._observe, tick)

    def _observe(self, first: int, losses: np.ndarray) -> None:
        self.losses += range(first, first + len(losses))

    @property
    def steps(self) -> list[int]:
        return [snapshot.step for snapshot in self.seen]


def paced(capsule: Capsule, steps: list[int], seconds: list[float]) -> Capsule:
    times = np.array(seconds)
    return replace(capsule, pace=TrackCurve(np.array(steps), times, times))


def told(snapshots: list[Snapshot]) -> list[str]:
    found = [s.notice.text for s in snapshots if s.notice is not None]
    return list(dict.fromkeys(found))


def test_it_is_where_the_run_was_after_as_many_seconds(capsule, names, monkeypatch) -> None:
    playback = Playback(paced(capsule, [3, 5, 200], [3.0, 7.0, 1000.0]), names)
    watched = Watched(playback, monkeypatch, {}, looks=7)
    assert watched.steps[:7] == [1, 2, 3, 3, 4, 4, 5]  # one a second, then half of one
    assert watched.losses == [*range(watched.steps[-1])]
    assert told(watched.seen) == [f"Replay of {capsule.name} at 1×: > and < change the speed."]
    assert watched.seen[-1].status is Status.CLOSED
    assert playback.latest is watched.seen[-1]


def test_the_speed_goes_up_and_down_by_steps_and_has_ends(capsule, names, monkeypatch) -> None:
    playback = Playback(paced(capsule, [200], [1000.0]), names)
    up, down = (lambda: playback.change_speed(True)), (lambda: playback.change_speed(False))
    watched = Watched(playback, monkeypatch, {0: down, 1: up, 2: up, 4: down}, looks=6)
    # At look 0 the speed stays at 1: there is none below.
    assert watched.steps[:6] == [0, 0, 1, 2, 3, 3]  # a fifth of 1, 3, 8, 13, 15 and 17 s
    assert told(watched.seen)[-3:] == ["1×", "2×", "5×"]
    playback = Playback(capsule, names, speed=60)
    asked = dict.fromkeys(range(3), lambda: playback.change_speed(True))
    assert told(Watched(playback, monkeypatch, asked, looks=4, seconds=0.0).seen) == ["100×"]


def test_what_is_done_while_it_rests_does_not_count(capsule, names, monkeypatch) -> None:
    playback = Playback(paced(capsule, [200], [200.0]), names)

    def rest() -> None:
        playback.submit(TogglePause())
        playback.submit(SingleStep())
        playback.submit(SetBatch(3))
        playback.submit(TogglePause())

    watched = Watched(playback, monkeypatch, {3: rest}, looks=6)
    assert watched.steps[:3] == [1, 2, 3]
    assert [s.status for s in watched.seen].count(Status.PAUSED) == 0
    assert watched.steps[3:6] == [4, 4, 5]
    assert "only plays" in told(watched.seen)[-1]
    assert watched.losses == [0, 1, 2, *watched.losses[3:]]


def test_what_goes_wrong_is_shown_until_it_is_closed(capsule, names, monkeypatch) -> None:
    playback = Playback(capsule, names)

    def broken() -> None:
        playback.submit(TogglePause())  # is heard, and does nothing
        playback.close()
        raise ValueError("no such thing")

    seen: list[Snapshot] = []
    playback.run(seen.append, None, broken)
    failed, closed = seen[-2:]
    assert (failed.status, failed.message) == (
        Status.FAILED, "The replay stopped: no such thing",
    )  # fmt: skip
    assert "ValueError: no such thing" in failed.error
    assert "in broken" in failed.error
    assert closed.status is Status.CLOSED


def test_its_end_is_told(capsule, names, monkeypatch) -> None:
    playback = Playback(paced(capsule, [200], [1.0]), names)
    seen: list[Snapshot] = []

    def see(snapshot: Snapshot) -> None:
        seen.append(snapshot)
        if snapshot.status is Status.FINISHED:
            playback.close()

    playback.run(see)
    assert seen[-2].message == f"The replay of {capsule.name} is over."
    assert (seen[-2].step, seen[-1].status) == (200, Status.CLOSED)
    assert playback.subject.train.batch == 9
    assert playback.subject.engine == "numpy"
