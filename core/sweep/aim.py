"""What a sweep looks for: the loss after steps or seconds, or the time to a loss."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from eetui.core.errors import UsageError
from eetui.core.measure.limit import Limit
from eetui.core.text import visible

SECONDS = 3.0
"""Training time after which a search for the time to a loss gives a run up."""
_FORM = re.compile(r"(loss|time)(?:@([0-9.]+)(s?)|@(steps))?")
_WANTED = "loss@2000 (steps), loss@1s, loss@steps (where steps vary) or time@2.0"


@dataclass(frozen=True, slots=True)
class Aim:
    """kind 'loss': the held-out loss at the end of a run, nats. 'time': the training seconds until
    the mean training loss of 100 steps is below `threshold`.

    steps, seconds: when a run ends, at the first of them where both are given. by_point: its steps
    are a setting of its own. Less is better.
    """

    kind: Literal["loss", "time"]
    steps: int | None = None
    seconds: float | None = None
    threshold: float | None = None
    by_point: bool = False

    def __post_init__(self) -> None:
        if self.kind == "time":
            Limit(seconds=self.seconds)
        if self.steps is not None or (self.kind == "loss" and not self.by_point):
            Limit(self.steps, self.seconds if self.kind == "loss" else None)
        if self.threshold is not None and not 0 < self.threshold < 100:
            raise UsageError(f"A threshold lies above 0 and below 100, not {self.threshold:g}.")

    @property
    def by_pace(self) -> bool:
        """Whether the learning rate falls with the seconds, and not over steps that are given."""
        return self.steps is None and not self.by_point

    @property
    def words(self) -> str:
        """As it is written on the command line."""
        if self.kind == "time":
            over = "" if self.steps is None else f" in {self.steps} steps"
            return f"time@{self.threshold}{over}"
        if self.by_point:
            return "loss@steps"
        return f"loss@{self.steps}" if self.steps is not None else f"loss@{self.seconds:g}s"

    @property
    def unit(self) -> str:
        """The unit of what is looked for."""
        return "s" if self.kind == "time" else "nats"

    def to_json(self) -> dict[str, Any]:
        """The aim as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Aim:
        """What `to_json` gave."""
        return cls(**values)


def parse_aim(
    text: str, steps: int | None = None, seconds: float | None = None, *, by_point: bool = False
) -> Aim:
    """The aim in `text`; steps and seconds: when a run ends, where the text does not say so.

    by_point: whether the steps are a setting that varies. Raises `UsageError` for anything else.
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"The aim {visible(text)} is none: it is {_WANTED}.")
    kind, number, is_seconds, own = found.groups()
    try:
        at = None if number is None else float(number)
    except ValueError:
        raise UsageError(f"The aim {visible(text)} has no number: it is {_WANTED}.") from None
    if kind == "time":
        if at is None or is_seconds or own:
            raise UsageError("The aim time@ has a loss in nats: time@2.0.")
        limit = SECONDS if seconds is None else seconds
        return Aim("time", steps=steps, seconds=limit, threshold=at, by_point=by_point)
    if own or (at is None and by_point):
        if not by_point:
            raise UsageError("With loss@steps the steps vary: --steps 500,1000,2000.")
        return Aim("loss", by_point=True)
    if by_point:
        raise UsageError("Where steps vary, the aim is loss@steps.")
    if at is None:
        if steps is None and seconds is None:
            steps = 2000
        return Aim("loss", steps=steps, seconds=seconds)
    if steps is not None or seconds is not None:
        raise UsageError("The aim says when a run ends: leave --steps and --seconds out.")
    if is_seconds:
        return Aim("loss", seconds=at)
    if at != int(at):
        raise UsageError(f"The aim {visible(text)} has no whole steps: seconds are loss@1s.")
    return Aim("loss", steps=int(at))
