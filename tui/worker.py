"""The threads in which the session trains and climbs, and the way of what they tell to a screen."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread
from time import monotonic
from traceback import format_exc

from textual.message_pump import MessagePump

from eetui.core.measure.ladder import Ladder
from eetui.core.run.snapshot import Snapshot
from eetui.tui.live import LiveSession
from eetui.tui.messages import Climbed, Crashed, Fell, Published

_CLOSING_SECONDS = 5.0
_SECONDS_BETWEEN_SHOWINGS = 0.1
_DRAWING_SECONDS = 0.5
"""How long a climb rests for a frame at the most."""


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


class ClimbThread:
    """Measures a ladder beside the screen; `target` gets `Climbed` and `Fell` messages.

    After each message it rests until `drawn` is called: a frame that is drawn during a block would
    slow it, and since rounds take equally long, it would be the same rung's block in every round.
    """

    def __init__(self, climb: Iterator[Ladder], target: MessagePump) -> None:
        self._climb = climb
        self._target = target
        self._left = Event()
        self._drawn = Event()
        Thread(target=self._run, name="climbing", daemon=True).start()

    def stop(self) -> None:
        """Leave the ladder after the block that is being measured."""
        self._left.set()
        self._drawn.set()

    def drawn(self) -> None:
        """The last message is on the screen."""
        self._drawn.set()

    def _run(self) -> None:
        shown = -1.0
        try:
            for ladder in self._climb:
                if self._left.is_set():
                    return
                if not ladder.doing or monotonic() - shown >= _SECONDS_BETWEEN_SHOWINGS:
                    self._drawn.clear()
                    self._target.post_message(Climbed(ladder))
                    self._drawn.wait(_DRAWING_SECONDS)
                    shown = monotonic()
        except Exception as error:  # whatever an engine raises, the program stays alive
            self._target.post_message(Fell(str(error) or type(error).__name__))
