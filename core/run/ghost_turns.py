"""Ghosts of a live run: when they begin and end, and when it is their turn."""

from __future__ import annotations

from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.run.ghosts import Ghost
from eetui.core.run.lifecycle import Lifecycle
from eetui.core.run.notices import Notices
from eetui.core.run.snapshot import Status
from eetui.core.run.trainer import Trainer

AFTERWARDS = (Status.FINISHED, Status.DIVERGED)
"""The run trains no more, and its ghosts come after it."""


class GhostTurns:
    """They stand still while the run is paused, or something is measured beside it."""

    def __init__(self, trainer: Trainer, lifecycle: Lifecycle, notices: Notices) -> None:
        self._trainer, self._lifecycle, self._notices = trainer, lifecycle, notices
        self._rests = False

    @property
    def due(self) -> Ghost | None:
        """The ghost whose turn it is now, before the run's."""
        status, step = self._lifecycle.status, self._trainer.state.step
        if status is Status.RUNNING:
            return self._trainer.ghosts.next(step)
        if status in AFTERWARDS and not self._rests:
            return self._trainer.ghosts.next(step, owed=False)
        return None

    def take(self, ghost: Ghost) -> None:
        """Let it train for a moment; one that fails ends, and the run goes on."""
        trainer = self._trainer
        if trainer.give_way:
            trainer.give_way()
        try:
            trainer.ghosts.take_turn(ghost, trainer.state.step, trainer.dataset)
        except Exception as error:  # whatever an engine raises
            trainer.ghosts.end(ghost.number)
            self._notices.tell(f"Ghost {ghost.number} ended: {error}", "error")

    def toggle(self) -> None:
        """Begin a ghost of the last change, or end the newest ghost.

        Raises `UsageError` if there is nothing to begin or to end.
        """
        trainer = self._trainer
        origin = trainer.ghosts.to_begin()
        if origin is None:
            trainer.ghosts.end()
            return
        way = trainer.logbook.way_then(origin.entries, origin.step, trainer.state.step)
        engine = self._engine(origin.setup.engine)
        engine.prepare(origin.setup.model, origin.setup.optimizations)
        state = trainer.logbook.state(way, trainer.dataset, engine)
        trainer.ghosts.begin(origin, state, engine)

    def _engine(self, name: str) -> Engine:
        """The one that trains where it is the same: it has compiled what is needed."""
        mine = self._trainer.engine
        return mine if mine is not None and mine.name == name else registry.create(name)

    def rest(self) -> None:
        """Stand still after the run has ended as well."""
        self._rests = True

    def wake(self) -> bool:
        """Go on after `rest`; gives whether that is all that there is to go on with."""
        rested, self._rests = self._rests, False
        return rested and self._lifecycle.status in AFTERWARDS
