"""The threads that race and measure beside the screen; one at a time, since they share a core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, Lock, Thread
from time import monotonic

from textual.message_pump import MessagePump

from eetui.core.errors import UsageError
from eetui.core.race.league import League
from eetui.core.race.studies.measures import Measures
from eetui.tui.live import LiveRace
from eetui.tui.messages import Fell, Measured, Raced

_SECONDS_BETWEEN_SHOWINGS = 0.1
_DRAWING_SECONDS = 0.5
"""How long a race rests for a frame at the most."""


class RaceThread:
    """Runs a race; `target` gets `Raced` and `Fell` messages.

    It holds `core` but while it is paused. After each message it rests until `drawn` is called:
    all clocks stand meanwhile, so a frame slows nobody. `start` is called in the thread, since
    it may take a moment.
    """

    def __init__(self, start: Callable[[], LiveRace], target: MessagePump, core: Lock) -> None:
        self._start, self._target, self._core = start, target, core
        self._race: LiveRace | None = None
        self._left, self._go, self._drawn = Event(), Event(), Event()
        self._go.set()
        self._shown = -1.0
        Thread(target=self._run, name="racing", daemon=True).start()

    @property
    def is_paused(self) -> bool:
        """Whether it rests after the slice at hand."""
        return not self._go.is_set()

    def pause(self) -> None:
        """Rest after the slice at hand."""
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    def skip(self, name: str) -> None:
        """End a contestant; raises `UsageError` if it has ended already."""
        if self._race is None:
            raise UsageError("The race has not begun yet.")
        self._race.skip(name)

    def stop(self) -> None:
        """Leave the race after the slice at hand."""
        self._left.set()
        if self._race is not None:
            self._race.close()
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
                self._race = self._start()
                if self._left.is_set():  # meanwhile
                    self._race.close()
                self._race.run(self._publish)
        except Exception as error:  # whatever goes wrong in it, the program stays alive
            self._target.post_message(Fell(str(error) or type(error).__name__))

    def _publish(self, league: League) -> None:
        """Show a league, and rest while the race is paused."""
        if self._left.is_set():
            return
        pauses = bool(league.doing) and self.is_paused
        if pauses or not league.doing or monotonic() - self._shown >= _SECONDS_BETWEEN_SHOWINGS:
            self._drawn.clear()
            self._target.post_message(Raced(league))
            self._drawn.wait(_DRAWING_SECONDS)
            self._shown = monotonic()
        if pauses:
            self._core.release()
            try:
                self._go.wait()
            finally:
                self._core.acquire()


class MeasureThread:
    """Measures as soon as `core` is free; `target` gets `Measured` and `Fell` messages."""

    def __init__(
        self, start: Callable[[], Iterator[Measures]], target: MessagePump, core: Lock
    ) -> None:
        self._start, self._target, self._core = start, target, core
        self._left = Event()
        Thread(target=self._run, name="measuring", daemon=True).start()

    def stop(self) -> None:
        """Leave after the figure that is being measured."""
        self._left.set()

    def _run(self) -> None:
        try:
            with self._core:
                for measures in self._start():
                    if self._left.is_set():
                        return
                    self._target.post_message(Measured(measures))
        except Exception as error:
            self._target.post_message(Fell(str(error) or type(error).__name__))
