"""The thread in which the session trains, and the way of its snapshots to the screen."""

from __future__ import annotations

from threading import Thread
from traceback import format_exc

from textual.message_pump import MessagePump

from eetui.core.snapshot import Snapshot
from eetui.tui.live import LiveSession
from eetui.tui.messages import Crashed, Published

_CLOSING_SECONDS = 5.0


class TrainingThread:
    """Runs a session beside the screen; `target` gets `Published` and `Crashed` messages.

    A thread of its own rather than a Textual worker: those share asyncio's pool, whose threads
    the interpreter waits for at exit however long they take.
    """

    def __init__(self, session: LiveSession, target: MessagePump) -> None:
        self._session = session
        self._target = target
        self._thread = Thread(target=self._run, name="training", daemon=True)

    def start(self) -> None:
        """Begin training."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the session to end and wait a little until it has."""
        self._session.close()
        if self._thread.is_alive():
            self._thread.join(_CLOSING_SECONDS)

    def _publish(self, snapshot: Snapshot) -> None:
        self._target.post_message(Published(snapshot))

    def _run(self) -> None:
        try:
            self._session.run(publish=self._publish)
        except Exception:
            self._target.post_message(Crashed(format_exc()))
