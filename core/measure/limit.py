"""When a run that is compared ends; loads nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from eetui.core.errors import UsageError

MAX_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Limit:
    """When a run ends: after so many steps, or so many seconds. Raises `UsageError` if not one.

    Seconds are those of the training thread's CPU clock where it tells, else of the wall clock.
    """

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.seconds is None):
            raise UsageError("A run ends after steps or after seconds: give one of the two.")
        if self.steps is not None and not 1 <= self.steps <= 10**9:
            raise UsageError(f"steps must be between 1 and 10^9, not {self.steps}.")
        if self.seconds is not None and not 0 < self.seconds <= MAX_SECONDS:
            raise UsageError(
                f"seconds must be above 0 and at most {MAX_SECONDS:g}, not {self.seconds:g}."
            )
