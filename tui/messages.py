"""What the trainer's thread tells the screen."""

from __future__ import annotations

from textual.message import Message

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
