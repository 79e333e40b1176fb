"""What the outside may see of a session: immutable values, published about 20 times a second."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from eetui.core.clocks import ClockName
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.distance import Distance
from eetui.core.curves.history import Curve, Event
from eetui.core.curves.track import TrackCurve
from eetui.core.model.statistics import SampleStatistics
from eetui.core.optimizations import Kind, Optimizations
from eetui.core.verdict import Verdict

Severity = Literal["information", "warning", "error"]


class Status(StrEnum):
    """Where a session stands. Only RUNNING advances the step."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    DIVERGED = "diverged"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Effect:
    """What the last change of a toggle did to the time of a sample.

    before, after: its values as written. verdict: that of the second against the first, None where
    nothing was measured (yet). gradient_change: how far the change moved the gradient of one batch
    at the same weights, as the relative distance (L2) in the tensor where it is greatest; None
    where nothing was compared.
    """

    before: str
    after: str
    verdict: Verdict | None
    is_measuring: bool = False
    gradient_change: float | None = None


@dataclass(frozen=True, slots=True)
class Toggle:
    """A toggle as the screen shows it. `key` is a catalogue key, or 'batch'.

    `label` is the value in force; `pending` the one being compiled for, or ''. `blocked` is ''
    if there is another value to change to, else the sentence that says why there is none. `missing`
    says why values that the toggle has elsewhere are not there, or is ''.
    """

    key: str
    hotkey: str
    name: str
    kind: Kind
    label: str
    what: str
    pending: str = ""
    blocked: str = ""
    missing: str = ""
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class NameSample:
    """A generated document and the step of the weights that made it.

    is_new: whether it is not in the data set; None where that has too many documents to tell.
    """

    step: int
    text: str
    is_new: bool | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told once; `serial` grows, so a reader knows which it has shown."""

    serial: int
    text: str
    severity: Severity = "information"


@dataclass(frozen=True, slots=True)
class Visit:
    """A run as it was at `step`, when its log had so many entries.

    loss, us_per_step, seconds: as on its curve; None and 0 before its first step.
    """

    entries: int
    step: int
    loss: float | None
    us_per_step: float | None
    seconds: float
    learning_rate: float
    train: TrainConfig
    optimizations: Optimizations
    toggles: tuple[Toggle, ...]
    names: tuple[NameSample, ...]
    statistics: SampleStatistics
    temperature: float
    prefix: str


@dataclass(frozen=True, slots=True)
class GhostView:
    """The run as it would have gone without a change that it made at step `begun`.

    number: its name, from 1 on. label: the setting that it kept. loss: mean of about the last 100
    steps. curve: its seconds are those of the run until the change and its own from there.
    distance: of the run from it, None while too few steps can be compared. ended: why it takes no
    more steps, as part of a sentence, or ''.
    """

    number: int
    label: str
    begun: int
    step: int
    loss: float | None
    curve: Curve
    distance: Distance | None
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent picture of a session.

    message: one sentence on the status ('compiling ...', why it failed), or ''.
    error: the traceback of a crash in the trainer, or ''.
    loss: mean of about the last 100 steps, nats (None before the first). seconds: by the
    wall clock, pauses left out. cpu_seconds: what the steps of it cost on the CPU clock of
    the training thread, None where that tells nothing. seconds_left: what is left of the plan at
    the pace of the wall clock. us_per_step: median of the last chunks by `clock`, drawing the
    documents included. core_share: how much of the time the training thread had a core, None as
    for cpu_seconds. samples_per_second: by the wall clock. percent_of_peak: nominal work over the
    measured FMA peak of a core (None until that was measured). can_rewind: there is an earlier good
    state to go back to. is_ready: the engine that was asked for can be used. held_out: the loss on
    the documents that are kept from training. why_none_held_out: a sentence if there are none
    although some were to be kept back, or ''. undo, redo: the change that would be taken back or
    made again, or ''. keyframes: the steps to which one can go at once. visit: the moment that is
    looked at, or None for now. ghost_share: what the ghosts take of the time, from 0 to 1.
    auto_threads: what is known of the number of threads where it follows what is fastest, or ''.
    """

    status: Status
    message: str
    error: str
    engine: str
    instruction_set: str
    model: ModelConfig
    train: TrainConfig
    optimizations: Optimizations
    data_name: str
    n_params: int
    chance_loss: float
    step: int
    loss: float | None
    learning_rate: float
    seconds: float
    cpu_seconds: float | None
    seconds_left: float | None
    us_per_step: float | None
    clock: ClockName
    core_share: float | None
    samples_per_second: float | None
    gflops: float | None
    percent_of_peak: float | None
    peak_gflops: float | None
    toggles: tuple[Toggle, ...]
    curve: Curve
    events: tuple[Event, ...]
    names: tuple[NameSample, ...]
    milestones: tuple[NameSample, ...]
    statistics: SampleStatistics
    temperature: float
    prefix: str
    can_rewind: bool
    is_ready: bool
    notice: Notice | None = None
    held_out: TrackCurve = field(default_factory=TrackCurve)
    why_none_held_out: str = ""
    undo: str = ""
    redo: str = ""
    keyframes: tuple[int, ...] = ()
    visit: Visit | None = None
    ghosts: tuple[GhostView, ...] = ()
    ghost_share: float = 0.0
    auto_threads: str = ""

    @property
    def as_seen(self) -> Snapshot:
        """The run as it was at the moment that is looked at."""
        then = self.visit
        if then is None:
            return self
        return replace(
            self,
            step=then.step,
            loss=then.loss,
            held_out=self.held_out.until(then.step),
            us_per_step=then.us_per_step,
            samples_per_second=then.us_per_step and then.train.batch * 1e6 / then.us_per_step,
            gflops=None,
            percent_of_peak=None,
            seconds=then.seconds,
            seconds_left=None,
            learning_rate=then.learning_rate,
            train=then.train,
            optimizations=then.optimizations,
            toggles=then.toggles,
            names=then.names,
            milestones=tuple(name for name in self.milestones if name.step <= then.step),
            statistics=then.statistics,
            temperature=then.temperature,
            prefix=then.prefix,
        )
