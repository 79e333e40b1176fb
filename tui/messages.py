"""What the threads that train, climb and race tell the screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from eetui.core.measure.ladder import Ladder
from eetui.core.run.snapshot import Snapshot

if TYPE_CHECKING:
    from eetui.core.race.league import League
    from eetui.core.race.studies.measures import Measures


class Published(Message, bubble=False):
    """A new snapshot. One that is still waiting is replaced, so the queue never grows."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Published)


class Crashed(Message, bubble=False):
    """The trainer's thread ended with an exception."""

    def __init__(self, traceback: str) -> None:
        super().__init__()
        self.traceback = traceback


class Climbed(Message, bubble=False):
    """How far a climb has come. One that is still waiting is replaced."""

    def __init__(self, ladder: Ladder) -> None:
        super().__init__()
        self.ladder = ladder

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Climbed)


class Raced(Message, bubble=False):
    """How far a race has come. One that is still waiting is replaced."""

    def __init__(self, league: League) -> None:
        super().__init__()
        self.league = league

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Raced)


class Measured(Message, bubble=False):
    """How far the measurements beside a race have come. One that is still waiting is replaced."""

    def __init__(self, measures: Measures) -> None:
        super().__init__()
        self.measures = measures

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Measured)


class Fell(Message, bubble=False):
    """A climb, a race or a measurement ended early; `reason` says why in a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason
