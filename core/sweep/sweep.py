"""The live sweep: one thread iterates over it; others read its latest standing and steer it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from time import monotonic

from eetui.core.sweep.job import Began, Job, JobResult, Reported
from eetui.core.sweep.keeping import RunRecord
from eetui.core.sweep.point import SeedResult, State, SweepPoint
from eetui.core.sweep.progress import SweepProgress
from eetui.core.sweep.study import Asked, Study
from eetui.core.sweep.workers import Event, Noticed, Workers

WAIT_SECONDS = 0.05
SECONDS_BETWEEN_STANDINGS = 0.1
SECONDS_BETWEEN_IMPORTANCES = 2.0
LEAST_FOR_IMPORTANCES = 8
SHARE = 0.01
"""Of the time, what computing importances may take."""
ENDING_SECONDS = 2.0
"""How long runs that are at work may go on after the sweep was told to end."""


@dataclass(slots=True)
class _Open:
    """A point at work: what is known of its seeds, and which are still to come."""

    asked: Asked
    trainings: dict[int, SeedResult] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    is_lost: bool = False


class Sweep:
    """Iterating trains, and yields the standing about ten times a second; leaving it puts back
    what is not finished, so that the study can be gone on with.

    `latest` is replaced as a whole, so any thread may read it; pause, resume and stop may be called
    by any thread as well.
    """

    def __init__(self, study: Study, workers: Workers, record: RunRecord | None = None) -> None:
        self.study = study
        self._workers, self._record = workers, record
        self._pending: deque[Job] = deque()
        self._open: dict[int, _Open] = {}
        self._began: set[tuple[int, int]] = set()
        self._is_paused = self._is_stopped = self._is_exhausted = False
        self._started = monotonic()
        self._first: float | None = None
        self._until = self._started
        self._last = self._started
        self._cost, self._trained, self._rested = 0.0, 0, 0.0
        self._done_before = len(study.points)
        self._importances: dict[str, float] = {}
        self._importances_due = 0.0
        self._notice = record.problem if record is not None else ""
        self.latest = self._standing("starting")

    # -- steering -------------------------------------------------------------------------------

    @property
    def is_paused(self) -> bool:
        """Whether no new runs begin."""
        return self._is_paused

    def pause(self) -> None:
        """Begin no more runs until `resume`; those at work come to their ends."""
        self._is_paused = True

    def resume(self) -> None:
        """Begin runs again."""
        self._is_paused = False

    def stop(self) -> None:
        """End in order: what is at work may finish for a moment, the rest is put back."""
        self._is_stopped = True

    # -- the loop -------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[SweepProgress]:
        due = monotonic()
        try:
            while not self._is_over():
                self.study.refresh()
                self._fill()
                for event in self._workers.events(WAIT_SECONDS):
                    self._heard(event)
                self._rest()
                if monotonic() >= due:
                    due = monotonic() + SECONDS_BETWEEN_STANDINGS
                    self.latest = self._standing(self._doing())
                    yield self.latest
        finally:
            self._end()
        self._importances_due = 0.0
        self.latest = self._standing("")
        yield self.latest

    def _is_over(self) -> bool:
        if self._is_stopped or self._is_late:
            return True
        if self._open:
            return False
        if len(self.study.points) >= self.study.plan.total:
            return True
        return self._is_exhausted and not self.study.others_running

    @property
    def _is_late(self) -> bool:
        seconds = self.study.plan.seconds
        return seconds is not None and monotonic() - self._started - self._rested > seconds

    def _rest(self) -> None:
        """While it is paused and nothing is at work, time does not count."""
        now = monotonic()
        if self._is_paused and not self._open:
            self._rested += now - self._last
        self._last = now

    def _fill(self) -> None:
        """Give the workers as much as they have room for."""
        if self._is_paused:
            return
        room = self._workers.room
        while len(self._pending) < room and self._may_ask():
            asked = self.study.ask()
            self._is_exhausted = asked is None
            if asked is None:
                break
            self._begin(asked)
        jobs = [self._pending.popleft() for _ in range(min(room, len(self._pending)))]
        if jobs:
            self._workers.give(jobs)

    def _may_ask(self) -> bool:
        return len(self.study.points) + len(self._open) < self.study.plan.total

    def _begin(self, asked: Asked) -> None:
        plan = self.study.plan
        settings = plan.space.settings(asked.point.settings)
        known = {training.seed: training for training in asked.known}
        missing = [seed for seed in plan.all_seeds if seed not in known]
        self._open[asked.point.number] = _Open(asked, known, set(missing))
        number, is_told = asked.point.number, plan.pruner != "none"
        self._pending += [Job(number, seed, settings, plan.aim, is_told) for seed in missing]

    # -- what the workers say -------------------------------------------------------------------

    def _heard(self, event: Event) -> None:
        match event:
            case Began(key):
                self._began.add(key)
                if self._first is None:
                    self._first = monotonic()
            case Reported(key, rung, loss):
                opened = self._open.get(key[0])
                if opened is not None and self.study.plan.seeds == 1:
                    self._judge(opened, rung, loss, ends=False)
            case Noticed(words):
                self._notice = words
            case JobResult():
                self._finished(event)

    def _finished(self, result: JobResult) -> None:
        number, seed = result.key
        self._began.discard(result.key)
        if result.ending == "withdrawn":
            return
        self._until = monotonic()
        self._trained += 1
        self._cost += result.cost
        opened = self._open.get(number)
        if opened is None or seed not in opened.missing:
            return  # of a point that was given up, or told twice
        opened.missing.discard(seed)
        run = "" if self._record is None else self._record.add(result)
        if self._record is not None and self._record.problem:
            self._notice = self._record.problem
        opened.trainings[seed] = SeedResult.of(result, run)
        if result.ending == "failed" or result.ending == "diverged":
            self._close(opened, result.ending, result.why)
        elif result.ending == "missed":
            self._close(opened, "missed")
        elif result.ending == "stopped":
            self._close(opened, "pruned")
        elif not opened.missing:
            self._close(opened, "done")
        elif result.value is not None:
            place = self.study.plan.all_seeds.index(seed)
            if self.study.plan.pruner == "wilcoxon":
                self._judge(opened, place, result.value, ends=True)
            else:
                point = self._point(opened)
                assert point.mean is not None
                self._judge(opened, len(opened.trainings), point.mean, ends=True)

    def _judge(self, opened: _Open, step: int, value: float, *, ends: bool) -> None:
        """Ask the pruner. A point that is losing ends: its run does, or its other seeds do."""
        if opened.is_lost or not self.study.report(opened.asked, step, value):
            return
        opened.is_lost = True
        if ends:
            self._close(opened, "pruned")
        else:
            self._workers.stop([(opened.asked.point.number, seed) for seed in opened.missing])

    def _close(self, opened: _Open, state: State, why: str = "") -> None:
        """Tell the study what became of a point, and give up what is left of it."""
        number = opened.asked.point.number
        del self._open[number]
        self._give_up([(number, seed) for seed in opened.missing])
        self.study.tell(opened.asked, replace(self._point(opened), state=state, why=why))

    def _give_up(self, keys: list[tuple[int, int]]) -> None:
        if keys:
            self._pending = deque(job for job in self._pending if job.key not in keys)
            self._workers.stop(keys)

    def _point(self, opened: _Open) -> SweepPoint:
        trainings = tuple(opened.trainings[seed] for seed in sorted(opened.trainings))
        return replace(opened.asked.point, trainings=trainings)

    # -- the end --------------------------------------------------------------------------------

    def _end(self) -> None:
        """Let what is at work finish if it is quick, and put back the rest."""
        try:
            self._give_up_waiting()
            until = monotonic() + ENDING_SECONDS
            while self._began and monotonic() < until:
                for event in self._workers.events(WAIT_SECONDS):
                    self._heard(event)
            self.study.write()
            for opened in [*self._open.values()]:
                trainings = [opened.trainings[seed] for seed in sorted(opened.trainings)]
                self.study.put_back(opened.asked, trainings)
            self._open.clear()
        finally:
            self._workers.close()
            if self._record is not None:
                self._record.close()

    def _give_up_waiting(self) -> None:
        """Take back what no worker has begun, before any of it does."""
        self._pending.clear()
        everything = [(n, seed) for n, opened in self._open.items() for seed in opened.missing]
        self._workers.withdraw([key for key in everything if key not in self._began])

    # -- how far it is --------------------------------------------------------------------------

    def _doing(self) -> str:
        if self._is_paused:
            return "pausing" if self._open else "paused"
        return "training" if self._open else "waiting for another driver"

    def _standing(self, doing: str) -> SweepProgress:
        now = monotonic()
        if now >= self._importances_due and len(self.study.points) >= LEAST_FOR_IMPORTANCES:
            self._importances = self.study.importances()
            took = monotonic() - now
            self._importances_due = now + max(SECONDS_BETWEEN_IMPORTANCES, took / SHARE)
        running = [self._point(opened) for opened in self._open.values()]
        seconds = now - self._started - self._rested
        share = None
        if self._first is not None and self._until > self._first + self._rested:
            share = self._cost / self._workers.size / (self._until - self._first - self._rested)
        done = len(self.study.points) - self._done_before
        left = (self.study.plan.total - len(self.study.points)) * seconds / done if done else None
        return SweepProgress(
            study=self.study.name,
            place=self.study.place.shown,
            reference=self.study.reference,
            plan=self.study.plan,
            points=(*self.study.points, *running),
            doing=doing,
            workers=self._workers.size,
            trained=self._trained,
            seconds=seconds,
            training_share=share,
            left=left,
            importances=self._importances,
            notice=self._notice,
        )
