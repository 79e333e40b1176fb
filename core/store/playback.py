"""A capsule played live: the same steps from the same weights, with every change where it was."""

from __future__ import annotations

import queue
import traceback
from bisect import bisect_right
from collections.abc import Callable
from time import monotonic

from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import find_optimization
from eetui.core.run.commands import (
    Command,
    Pause,
    Resume,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SetSteps,
    SingleStep,
    TogglePause,
    UseEngine,
)
from eetui.core.run.listeners import GiveWay, Observe, Publish
from eetui.core.run.namestream import NameStream
from eetui.core.run.notices import Notices
from eetui.core.run.picturing import Situation, snapshot_of
from eetui.core.run.replay import surviving
from eetui.core.run.setup import Setup
from eetui.core.run.snapshot import Snapshot, Status
from eetui.core.run.switch import toggle_switch
from eetui.core.run.trainer import Trainer
from eetui.core.store.capsule import Capsule
from eetui.core.store.check import adapted, require_data
from eetui.core.store.first_state import start_of
from eetui.core.store.resume import changes_between

SPEEDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
SECONDS_BETWEEN_SNAPSHOTS = 0.05
WAIT_SECONDS = 0.01


class Playback:
    """A session that only plays: it can be paused, stepped, and made faster or slower.

    speed: times the pace at which the run was trained, as far as this machine is fast enough.
    start: the file of the checkpoint that it began with, as for `start_of`. Raises `UsageError`
    for other data than the run's, and where the state that it began with is to be had nowhere.
    """

    def __init__(
        self,
        capsule: Capsule,
        dataset: Dataset,
        speed: float = SPEEDS[0],
        start: str | None = None,
    ) -> None:
        require_data(capsule, dataset)
        stretches = surviving(capsule.log).stretches
        if not stretches:
            raise UsageError(f"The run {capsule.name} has no steps to play.")
        self._ends = [stretch.last for stretch in stretches]
        self._setups = [adapted(stretch.setup) for stretch in stretches]
        self._pace = capsule.pace
        self._name = capsule.name
        self._speed = speed
        self._played = 0.0
        self._stretch = 0
        self._engines: dict[str, Engine] = {}
        first = self._setups[0]
        names = NameStream(first.temperature, first.prefix)
        state = start_of(capsule.log, capsule.state, start)
        self._trainer = Trainer(
            dataset, first.model, first.train, None, first.optimizations, names, state
        )
        self._engine: Engine | None = None
        self._engine_name = first.engine
        self._status = Status.STARTING
        self._message = "Preparing the engines ..."
        self._error = ""
        self._notices = Notices()
        self._closing = False
        self._queue: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._publish: Publish | None = None
        self._publish_at = 0.0
        self.latest = self._snapshot()

    @property
    def state(self) -> TrainState:
        """The live state; only to be read after `run` has returned."""
        return self._trainer.state

    @property
    def subject(self) -> Subject:
        """What is trained now, for a measurement of it."""
        now = self.latest
        return Subject(self._trainer.dataset, now.model, now.train, now.engine)

    # -- from any thread ------------------------------------------------------------------------

    def submit(self, command: Command) -> None:
        """Pause, go on or take a step; any other change is the run's own."""
        self._queue.put(lambda: self._execute(command))

    def change_speed(self, up: bool) -> None:
        """The next speed of 1, 2, 5, 10, 20, 50 and 100 times."""
        self._queue.put(lambda: self._change_speed(up))

    def close(self) -> None:
        """End the replay; `run` returns soon after."""
        self._queue.put(self._close)

    # -- in the thread that trains --------------------------------------------------------------

    def run(
        self,
        publish: Publish | None = None,
        observe: Observe | None = None,
        give_way: GiveWay | None = None,
    ) -> None:
        """Play until closed; arguments as for a session's."""
        self._publish = publish
        try:
            self._prepare()
            while not self._closing:
                if give_way is not None:
                    give_way()
                self._take_commands()
                if self._status is Status.RUNNING:
                    self._advance(observe)
                if monotonic() >= self._publish_at:
                    self._tell()
        except Exception as error:  # shown, and the screen stays alive
            self._status, self._message = Status.FAILED, f"The replay stopped: {error}"
            self._error = "".join(traceback.format_exception(error))
            self._tell()
            while not self._closing:
                self._queue.get()()
        self._status = Status.CLOSED
        self._tell()

    def _prepare(self) -> None:
        for setup in self._setups:
            if setup.engine not in self._engines:
                self._engines[setup.engine] = registry.create(setup.engine)
            self._engines[setup.engine].prepare(setup.model, setup.optimizations)
        self._use(self._setups[0], self._setups[0])
        self._status, self._message = Status.RUNNING, ""
        self._say(f"Replay of {self._name} at {self._speed:g}×: > and < change the speed.")
        self._since = monotonic()

    def _use(self, before: Setup, now: Setup) -> None:
        """Go on as the run did."""
        if self._engine is None:
            self._engine = self._engines[now.engine]
            self._trainer.use_engine(self._engine, now.optimizations)
            return
        for change in changes_between(before, now):
            match change:
                case UseEngine(engine, optimizations):
                    self._engine, self._engine_name = self._engines[engine], engine
                    self._trainer.use_engine(self._engine, optimizations)
                case SetOptimization(key, value):
                    on = self._trainer.optimizations.with_value(key, value)
                    self._trainer.use_optimizations(on, toggle_switch(find_optimization(key)))
                case SetBatch() | SetLearningRate() | SetSteps():
                    self._trainer.tune(change)
                case SetNames(float(temperature), str(prefix)):
                    self._trainer.set_names(temperature, prefix)

    def _advance(self, observe: Observe | None, at_most: int | None = None) -> None:
        """The steps that the run had done by now, up to the next change."""
        now = monotonic()
        self._played += (now - self._since) * self._speed
        self._since = now
        step = self._trainer.state.step
        due = self._steps_by(self._played) - step if at_most is None else at_most
        left = self._ends[self._stretch] - step
        if due < 1:
            return
        chunk = self._trainer.advance(min(due, left))
        if observe is not None and len(chunk.losses):
            observe(chunk.first_step, chunk.losses)
        if self._trainer.state.step >= self._ends[self._stretch]:
            self._next_stretch()

    def _next_stretch(self) -> None:
        if self._stretch + 1 == len(self._ends):
            self._status = Status.FINISHED
            self._message = f"The replay of {self._name} is over."
            return
        before = self._setups[self._stretch]
        self._stretch += 1
        self._use(before, self._setups[self._stretch])
        self._publish_at = 0.0

    def _steps_by(self, seconds: float) -> int:
        """How many steps the run had done after so many seconds of training."""
        times, steps = self._pace.seconds.tolist(), self._pace.steps.tolist()
        if not times or seconds >= times[-1]:
            return self._ends[-1]
        i = bisect_right(times, seconds)
        t0, s0 = (times[i - 1], steps[i - 1]) if i else (0.0, 0)
        share = (seconds - t0) / max(times[i] - t0, 1e-9)
        return int(s0 + share * (steps[i] - s0))

    def _take_commands(self) -> None:
        try:
            if self._status is Status.RUNNING:
                behind = self._steps_by(self._played) > self._trainer.state.step
                self._queue.get(not behind, WAIT_SECONDS)()
            else:
                self._tell()
                self._queue.get()()
            while not self._closing:
                self._queue.get_nowait()()
        except queue.Empty:
            return

    def _execute(self, command: Command) -> None:
        running = self._status is Status.RUNNING
        match command:
            case Pause() | TogglePause() if running:
                self._status = Status.PAUSED
            case Resume() | TogglePause() if self._status is Status.PAUSED:
                self._status, self._since = Status.RUNNING, monotonic()
            case SingleStep() if running or self._status is Status.PAUSED:
                self._status, self._since = Status.PAUSED, monotonic()
                self._advance(None, at_most=1)
            case Pause() | Resume() | TogglePause() | SingleStep():
                pass
            case _:
                self._say("A replay only plays: its changes are those of the run.")
        self._publish_at = 0.0

    def _change_speed(self, up: bool) -> None:
        place = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - self._speed))
        self._speed = SPEEDS[max(0, min(place + (1 if up else -1), len(SPEEDS) - 1))]
        self._say(f"{self._speed:g}×")

    def _close(self) -> None:
        self._closing = True

    def _say(self, text: str) -> None:
        self._notices.tell(text)
        self._publish_at = 0.0

    def _snapshot(self) -> Snapshot:
        """The toggles that are set are those of the run: no others can be asked for."""
        situation = Situation(
            status=self._status,
            message=self._message,
            error=self._error,
            engine_name=self._engine_name,
            engine=self._engine,
            wanted=self._trainer.optimizations,
            notice=self._notices.latest,
        )
        return snapshot_of(self._trainer, situation)

    def _tell(self) -> None:
        self.latest = self._snapshot()
        self._publish_at = monotonic() + SECONDS_BETWEEN_SNAPSHOTS
        if self._publish is not None:
            self._publish(self.latest)
