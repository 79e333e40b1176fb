"""What the threads that train, climb and race tell the screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from eetui.core.run.snapshot import Snapshot

if TYPE_CHECKING:
    from eetui.core.labs.experiment import Experiment
    from eetui.core.measure.ladder import Ladder
    from eetui.core.race.league import League
    from eetui.core.race.studies.measures import Measures
    from eetui.core.sweep.progress import SweepProgress


class Replaceable(Message, bubble=False):
    """A newer one replaces one that is still waiting, so the queue never grows."""

    def can_replace(self, message: Message) -> bool:
        return type(message) is type(self)


@dataclass(eq=False)
class Published(Replaceable, bubble=False):
    """A new snapshot of the training."""

    snapshot: Snapshot


@dataclass(eq=False)
class Climbed(Replaceable, bubble=False):
    """How far a climb has come."""

    ladder: Ladder


@dataclass(eq=False)
class Tried(Replaceable, bubble=False):
    """How far the measurements of a lesson have come."""

    experiment: Experiment


@dataclass(eq=False)
class Raced(Replaceable, bubble=False):
    """How far a race has come."""

    league: League


@dataclass(eq=False)
class Measured(Replaceable, bubble=False):
    """How far the measurements on the race's screen have come."""

    measures: Measures


@dataclass(eq=False)
class Swept(Replaceable, bubble=False):
    """How far a sweep has come."""

    progress: SweepProgress


@dataclass(eq=False)
class GoOnWith(Message, bubble=False):
    """Leave this run, which is in the store, for another one of it."""

    run: str


@dataclass(eq=False)
class Crashed(Message, bubble=False):
    """The trainer's thread ended with an exception."""

    traceback: str


@dataclass(eq=False)
class EndedEarly(Message, bubble=False):
    """A climb, a race or a measurement broke off; `reason` says why in a sentence."""

    reason: str
