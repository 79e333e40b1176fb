"""Undo and redo: going over a change once more, back or forth."""

from __future__ import annotations

from eetui.core.run.engine_choice import EngineChoice
from eetui.core.run.jumps import Jumps
from eetui.core.run.lifecycle import Lifecycle
from eetui.core.run.naming import Naming
from eetui.core.run.snapshot import Status
from eetui.core.run.trainer import Trainer
from eetui.core.run.tuner import Tuner
from eetui.core.run.undo import Done, Flipped, Jumped, Renamed, Tuned, UndoStack


class Reversal:
    """Takes back what the undo stack remembers. A lost run goes to its last good step first."""

    def __init__(
        self,
        trainer: Trainer,
        lifecycle: Lifecycle,
        choice: EngineChoice,
        tuner: Tuner,
        naming: Naming,
        jumps: Jumps,
        undo_stack: UndoStack,
    ) -> None:
        self._trainer, self._lifecycle, self._choice = trainer, lifecycle, choice
        self._tuner, self._naming = tuner, naming
        self._jumps, self._undo_stack = jumps, undo_stack

    def undo(self) -> None:
        """Take the last change back; raises `UsageError` if there is none."""
        done = self._undo_stack.to_undo()
        self._undo_stack.undid(self._reversed(done, back=True))

    def redo(self) -> None:
        """Make the change again that was last taken back; raises `UsageError` if there is none."""
        done = self._undo_stack.to_redo()
        self._undo_stack.redid(self._reversed(done, back=False))

    def _reversed(self, done: Done, *, back: bool) -> Done:
        """Go over a change; gives what goes over it the other way."""
        if self._lifecycle.is_lost:
            self._trainer.go_back()
            self._lifecycle.settle(Status.PAUSED)
        match done:
            case Tuned(_, before, after):
                self._tuner.apply(before if back else after)
                return done
            case Flipped(_, switch, before, after):
                self._choice.want(switch, before if back else after)
                return done
            case Renamed(_, before, after):
                self._naming.apply(before if back else after)
                return done
            case Jumped(label, there):
                here = self._trainer.past
                self._jumps.go_to(there)
                return Jumped(label, here)
