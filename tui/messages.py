"""What the threads that train and climb tell the screens."""

from __future__ import annotations

from textual.message import Message

from eetui.core.ladder import Ladder
from eetui.core.snapshot import Snapshot


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


class Fell(Message, bubble=False):
    """A climb ended before the top; `reason` says why in a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason
