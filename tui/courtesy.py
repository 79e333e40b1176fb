"""On a single core the training rests while the screen works: both at once are slow."""

from __future__ import annotations

from threading import Event

from eetui.core import cpu

LONGEST_SECONDS = 0.2
"""How long the training rests for one piece of the screen's work at the most."""


class Courtesy:
    """What the screen and the training thread know of each other.

    `busy` and `done` are for the screen, around its work; `wait` for the training, before a piece
    of its own. None of them does anything where there is a core for each.
    """

    def __init__(self, n_cores: int | None = None) -> None:
        self.is_needed = (cpu.detect().cores if n_cores is None else n_cores) == 1
        self._idle = Event()
        self._idle.set()

    def busy(self) -> None:
        """The screen has something to do."""
        if self.is_needed:
            self._idle.clear()

    def done(self) -> None:
        """It is on the screen."""
        self._idle.set()

    def wait(self) -> None:
        """Rest until the screen has done its work."""
        if self.is_needed:
            self._idle.wait(LONGEST_SECONDS)
