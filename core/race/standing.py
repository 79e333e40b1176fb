"""Where one contestant of a race stands: what the league's table and charts show."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from eetui.core.curves.history import Curve
from eetui.core.race.contestant import Work


class ContestantStatus(StrEnum):
    """What a contestant is doing, or how it ended. The values are shown as they are."""

    WAITING = "waiting"
    COMPILING = "compiling"
    RUNNING = "running"
    OUT_OF_TIME = "out of time"
    FINISHED = "finished"
    SKIPPED = "skipped"
    CANNOT = "cannot"
    FAILED = "failed"


OVER = (
    ContestantStatus.OUT_OF_TIME,
    ContestantStatus.FINISHED,
    ContestantStatus.SKIPPED,
    ContestantStatus.CANNOT,
    ContestantStatus.FAILED,
)


@dataclass(frozen=True, slots=True)
class Names:
    """Documents generated after so many steps and so many seconds of training."""

    step: int
    seconds: float
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of the league. Seconds count its own training only; losses are in nats.

    seconds: by the wall clock. cpu_seconds: what all threads of this process ran meanwhile.
    reason: why it cannot race or has failed, a sentence, else ''. detail: what it computes on.
    batch: documents a step, 0 until it has started, as n_params is. compile_seconds: time of its
    start. loss: mean of the last 100 steps, or of the second half of fewer than 200.
    held_out: mean loss on documents that it was not trained on, once it has ended; None where none
    were held out. loss_ema: exponential moving average over about 50 steps. loss_best: the lowest
    mean of a window (`record.window`) so far, None until one is full. reached: seconds until such a
    mean was below the plan's threshold. speedup: us_per_sample of the league's base over its own.
    joules: energy of the package during its slices, None if that cannot be measured.
    """

    name: str
    summary: str
    model: str
    extra: str
    status: ContestantStatus = ContestantStatus.WAITING
    reason: str = ""
    detail: str = ""
    batch: int = 0
    n_params: int = 0
    compile_seconds: float = 0.0
    steps: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    speedup: float | None = None
    loss: float | None = None
    held_out: float | None = None
    loss_ema: float | None = None
    loss_best: float | None = None
    reached: float | None = None
    curve: Curve = field(default_factory=Curve)
    work: Work | None = None
    names: tuple[Names, ...] = ()
    joules: float | None = None

    @property
    def samples(self) -> int:
        """Documents trained on so far."""
        return self.steps * self.batch

    @property
    def us_per_step(self) -> float | None:
        """Mean microseconds a step, None before the first."""
        return self.seconds * 1e6 / self.steps if self.steps else None

    @property
    def us_per_sample(self) -> float | None:
        """Mean microseconds a document, None before the first step."""
        return self.seconds * 1e6 / self.samples if self.steps else None

    @property
    def joules_per_step(self) -> float | None:
        return self.joules / self.steps if self.steps and self.joules is not None else None

    @property
    def is_over(self) -> bool:
        """Whether it will take no further step."""
        return self.status in OVER
