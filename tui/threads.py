"""The threads that train and measure behind the screen, and what they tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Event, Lock, Thread
from time import monotonic
from traceback import format_exc
from typing import Generic, Protocol, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

from eetui.core.run.snapshot import Snapshot
from eetui.tui.courtesy import Courtesy
from eetui.tui.live import LiveSession, Recording
from eetui.tui.messages import Crashed, EndedEarly, Published

_CLOSING_SECONDS = 5.0
_SECONDS_BETWEEN_FRAMES = 0.1
_DRAWING_SECONDS = 0.5
"""How long a measurement rests for a frame at the most."""


class TrainingThread:
    """Runs a session behind the screen; `target` gets `Published` and `Crashed` messages.

    A thread of its own rather than a Textual worker: those share asyncio's pool, whose threads
    the interpreter waits for at exit however long they take.
    """

    def __init__(
        self,
        session: LiveSession,
        target: MessagePump,
        recording: Recording | None = None,
        courtesy: Courtesy | None = None,
    ) -> None:
        self._session = session
        self._target = target
        self._recording = recording
        self._give_way = courtesy.wait if courtesy is not None and courtesy.is_needed else None
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
            if self._recording is None:
                self._session.run(self._publish, give_way=self._give_way)
            else:
                publish = self._recording.watching(self._publish)
                self._session.run(publish, self._recording.observe, self._give_way)
        except Exception:
            self._target.post_message(Crashed(format_exc()))


class Progress(Protocol):
    """How far a measurement has come; `doing` says what is being done, '' at the end."""

    @property
    def doing(self) -> str: ...


T = TypeVar("T", bound=Progress)


class IteratorThread(Generic[T]):
    """Measures behind the screen: posts what an iterator yields as messages, or `EndedEarly`.

    `start` is called in the thread, since it may take a moment. It holds `core` but while it is
    paused, so that two of them never measure at once. After each message it rests until `drawn`
    is called: a frame that is drawn during a measurement would slow it, and since rounds take
    equally long, it would be the same figure in every round.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Iterable[T]],
        message: Callable[[T], Message],
        target: MessagePump,
        core: Lock | None = None,
    ) -> None:
        self._start, self._message, self._target = start, message, target
        self._core = core or Lock()
        self._left, self._go, self._drawn = Event(), Event(), Event()
        self._go.set()
        self._shown_at = -1.0
        Thread(target=self._run, name=name, daemon=True).start()

    @property
    def is_paused(self) -> bool:
        """Whether it rests after the piece at hand."""
        return not self._go.is_set()

    def pause(self) -> None:
        """Rest after the piece at hand."""
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    def stop(self) -> None:
        """Leave after the piece at hand."""
        self._left.set()
        self._go.set()
        self._drawn.set()

    def drawn(self) -> None:
        """The last message is on the screen."""
        self._drawn.set()

    def _run(self) -> None:
        try:
            with self._core:
                if self._left.is_set():
                    return
                for item in self._start():
                    if not self._left.is_set():
                        self._tell(item)
                    if self._left.is_set():
                        return
        except Exception as error:  # whatever goes wrong in it, the program stays alive
            self._target.post_message(EndedEarly(str(error) or type(error).__name__))

    def _tell(self, item: T) -> None:
        """Show how far it has come, and rest while it is paused."""
        pauses = bool(item.doing) and self.is_paused
        due = monotonic() - self._shown_at >= _SECONDS_BETWEEN_FRAMES
        if pauses or due or not item.doing:
            self._drawn.clear()
            self._target.post_message(self._message(item))
            self._drawn.wait(_DRAWING_SECONDS)
            self._shown_at = monotonic()
        if pauses:
            self._core.release()
            try:
                self._go.wait()
            finally:
                self._core.acquire()
