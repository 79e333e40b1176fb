"""Writing a live run down as it goes, from a thread that the training never waits for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from time import monotonic, perf_counter, thread_time
from typing import Protocol

from eetui.core import cpu
from eetui.core.curves.steplosses import StepLosses
from eetui.core.curves.track import Track
from eetui.core.data.dataset import Dataset
from eetui.core.errors import EetuiError
from eetui.core.run import checkpoint
from eetui.core.run.checkpoint import Checkpoint
from eetui.core.run.commands import Branch, Restart, UseState
from eetui.core.run.listeners import Losses, Publish
from eetui.core.run.log import Log
from eetui.core.run.replay import surviving
from eetui.core.run.snapshot import Snapshot, Status
from eetui.core.store.joining import joined
from eetui.core.store.resume import Resumed, first_step, joined_logs, opened_log
from eetui.core.store.run_record import Curves, RunProgress, configuration_of
from eetui.core.store.store import Store
from eetui.core.version import version

SECONDS_BETWEEN_WRITINGS = 1.0
STATE_SHARE = 0.003
"""Of the time, what copying states for the store may take; a large one is copied less often."""
CLOSING_SECONDS = 10.0


class Recorded(Protocol):
    """The session, as far as it is read between two chunks."""

    @property
    def checkpoint(self) -> Checkpoint: ...

    @property
    def log(self) -> Log: ...


@dataclass(frozen=True, slots=True)
class _Moment:
    """A run as it is now: all that the writer needs, none of which changes any more.

    part: the number of the run in this session, from 0. resumed: the run that it goes on with.
    """

    part: int
    snapshot: Snapshot
    log: Log
    curves: Curves
    checkpoint: Checkpoint | None
    resumed: Resumed | None


class Recorder:
    """Records a session; `watching` goes between it and whoever it publishes to.

    New weights, by a restart or a checkpoint that is opened, are a run of their own; so is
    what goes on from an earlier moment. A run that never took a step is not kept. `current` is
    the id of the one that is being written, once it has been. `problem` says what went wrong with
    the store, or is empty; the training goes on without it then. opened: the checkpoint that the
    session begins with, or None.
    """

    def __init__(
        self,
        path: Path,
        session: Recorded,
        dataset: Dataset,
        resumed: Resumed | None = None,
        opened: Path | None = None,
    ) -> None:
        self.problem = ""
        self.path = path
        self.current: str | None = None
        self._dataset = dataset
        self._session = session
        self._opened = opened
        self._resumed = self._continued = resumed
        self._part = 0
        self._seen_entries = 0
        self._last: Snapshot | None = None
        self._written: tuple[object, ...] = ()
        self._started = self._due = self._state_due = monotonic()
        self._cpu_started: float | None = None
        self._wall, self._cpu, self._exact = Track(), Track(), StepLosses()
        self._busy = False
        self._queue: SimpleQueue[_Moment | None] = SimpleQueue()
        self._thread = Thread(target=self._write_all, name="eetui-store", daemon=True)
        self._thread.start()

    # -- in the thread that trains --------------------------------------------------------------

    def watching(self, publish: Publish | None = None) -> Publish:
        """What a session is to publish to, so that it is recorded on the way to `publish`."""

        def published(snapshot: Snapshot) -> None:
            self._see(snapshot)
            if publish is not None:
                publish(snapshot)

        return published

    def observe(self, first_step: int, losses: Losses) -> None:
        """What a session is to tell its losses to."""
        self._changed_log()
        self._exact.add(first_step, losses)

    def _changed_log(self) -> Log:
        """The log, after other weights that it tells of have become a run of their own."""
        log = self._session.log
        if len(log.entries) != self._seen_entries:
            self._part_runs(log)
        return log

    def _see(self, snapshot: Snapshot) -> None:
        log = self._changed_log()
        now = monotonic()
        if self._cpu_started is None:
            self._cpu_started = thread_time()
        self._wall.add(snapshot.step, snapshot.seconds, now - self._started)
        self._cpu.add(snapshot.step, snapshot.seconds, thread_time() - self._cpu_started)
        self._last = snapshot
        state = (snapshot.step, len(log.entries), snapshot.status)
        stopped = snapshot.status is not Status.RUNNING
        if state == self._written or not (stopped or now >= self._due):
            return
        if self._busy and not stopped:
            return  # the disk is slower than a second: the next one will do
        self._written = state
        self._due = now + SECONDS_BETWEEN_WRITINGS
        self._put(snapshot, log, self._copied_state(now, stopped))

    def _part_runs(self, log: Log) -> None:
        """Close what was given up for other weights since the last time."""
        for i in range(self._seen_entries, len(log.entries)):
            entry = log.entries[i]
            if isinstance(entry.change, Restart | UseState | Branch):
                if self._last is not None:
                    before = replace(log, entries=log.entries[:i], step=entry.step)
                    self._put(replace(self._last, status=Status.CLOSED), before, None)
                self._part += 1
                self._resumed = self._continued if _goes_on(log, i) else None
                self._wall, self._cpu, self._exact = Track(), Track(), StepLosses()
                self._started, self._cpu_started = monotonic(), thread_time()
        self._seen_entries = len(log.entries)

    def _copied_state(self, now: float, stopped: bool) -> Checkpoint | None:
        """The state, if copying it is due by its share of the time."""
        if now < self._state_due and not stopped:
            return None
        begun = perf_counter()
        live = self._session.checkpoint
        if not live.state.is_finite:
            return None
        copied = replace(live, state=live.state.clone())
        self._state_due = now + (perf_counter() - begun) / STATE_SHARE
        return copied

    def _put(self, snapshot: Snapshot, log: Log, state: Checkpoint | None) -> None:
        self._busy = True
        curves = Curves(
            snapshot.curve,
            snapshot.held_out,
            self._wall.curve(),
            self._cpu.curve(),
            self._exact.until(log.step),
        )
        if self._opened is not None:
            log = opened_log(log, self._opened)
        self._queue.put(_Moment(self._part, snapshot, log, curves, state, self._resumed))

    def close(self) -> None:
        """Write the end of the run down; to be called when the session has returned."""
        if self._last is not None:
            self._put(self._last, self._session.log, self._copied_state(monotonic(), True))
        self._queue.put(None)
        self._thread.join(CLOSING_SECONDS)
        if self._thread.is_alive() and not self.problem:
            self.problem = f"The run store {self.path} takes too long: the run's end is not in it."

    # -- in the thread that writes --------------------------------------------------------------

    def _write_all(self) -> None:
        ids: dict[int, str] = {}
        if self._continued is not None:
            ids[0] = self.current = self._continued.run.id
        try:
            with Store(self.path) as store:
                while (moment := self._queue.get()) is not None:
                    self._write(store, ids, moment)
                    self._busy = not self._queue.empty()
        except EetuiError as error:
            self.problem = str(error)
        except MemoryError:
            self.problem = "There is not enough memory to write the run down."

    def _write(self, store: Store, ids: dict[int, str], moment: _Moment) -> None:
        snapshot = moment.snapshot
        if not len(snapshot.curve.steps):
            return  # nothing was trained
        if moment.part not in ids:
            begun = store.begin(
                cpu=cpu.detect().name,
                version=version(),
                data=self._dataset.source or "",
                data_fingerprint=moment.log.data,
            )
            ids[moment.part] = begun.id
        self.current = ids[moment.part]
        store.write(ids[moment.part], _progress(moment))


def _goes_on(log: Log, i: int) -> bool:
    """Whether the run that entry i of the log begins goes on from the weights of the first one."""
    change = log.entries[i].change
    if not isinstance(change, Branch):
        return False
    return surviving(log.until(i + 1, change.step)).entries == 0


def _progress(moment: _Moment) -> RunProgress:
    snapshot, log, before = moment.snapshot, moment.log, moment.resumed
    if before is not None:
        log = joined_logs(before.log, log)
    return RunProgress(
        status=snapshot.status.value,
        instruction_set=snapshot.instruction_set,
        configuration=configuration_of(
            snapshot.model,
            snapshot.train,
            snapshot.optimizations,
            snapshot.engine,
            snapshot.data_name,
        ),
        step=log.step,
        loss=snapshot.loss,
        held_out_loss=snapshot.held_out.latest,
        us_per_step=snapshot.us_per_step,
        curves=joined(
            before.curves if before else Curves(),
            moment.curves,
            before.state.step if before else first_step(moment.log),
        ),
        names=[asdict(name) for name in snapshot.milestones],
        log=json.dumps(log.to_json()),
        entries=len(log.entries),
        checkpoint=None if moment.checkpoint is None else checkpoint.to_bytes(moment.checkpoint),
    )
