"""The changes that can be taken back and made again, and what each of them amounts to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from eetui.core.errors import UsageError
from eetui.core.optimizations import Optimizations
from eetui.core.run.commands import SetNames, Tuning
from eetui.core.run.past import Past
from eetui.core.run.switch import Switch

DEPTH = 50
"""How many changes can be taken back: each may hold the curves of the run that it left."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """Another batch, rate or plan: going back and forth is a change of the settings."""

    label: str
    before: Tuning
    after: Tuning


@dataclass(frozen=True, slots=True)
class Flipped:
    """A toggle or a preset, with all toggles as they were before and after it."""

    label: str
    switch: Switch
    before: Optimizations
    after: Optimizations


@dataclass(frozen=True, slots=True)
class Renamed:
    """Another temperature or prefix of the generated names."""

    label: str
    before: SetNames
    after: SetNames


@dataclass(frozen=True, slots=True)
class Jumped:
    """The run went on elsewhere; `there` is where it is to go from here, back or forth."""

    label: str
    there: Past


Done: TypeAlias = Tuned | Flipped | Renamed | Jumped


class UndoStack:
    """What was done, newest last, and what was taken back; a new change forgets the latter."""

    def __init__(self) -> None:
        self._done: deque[Done] = deque(maxlen=DEPTH)
        self._undone: deque[Done] = deque(maxlen=DEPTH)

    @property
    def undo_label(self) -> str:
        """The change that would be taken back, or ''."""
        return self._done[-1].label if self._done else ""

    @property
    def redo_label(self) -> str:
        """The change that would be made again, or ''."""
        return self._undone[-1].label if self._undone else ""

    def did(self, done: Done) -> None:
        """Remember a change that has taken effect."""
        self._done.append(done)
        self._undone.clear()

    def to_undo(self) -> Done:
        """The last change; raises `UsageError` if there is none."""
        if not self._done:
            raise UsageError("There is nothing to undo: nothing was changed in this run.")
        return self._done[-1]

    def to_redo(self) -> Done:
        """The change that was last taken back; raises `UsageError` if there is none."""
        if not self._undone:
            raise UsageError("There is nothing to redo: no change was taken back last.")
        return self._undone[-1]

    def undid(self, reverse: Done) -> None:
        """The last change was taken back; `reverse` makes it again."""
        self._done.pop()
        self._undone.append(reverse)

    def redid(self, reverse: Done) -> None:
        """The change was made again; `reverse` takes it back."""
        self._undone.pop()
        self._done.append(reverse)
