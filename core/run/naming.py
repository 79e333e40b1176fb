"""Changing the temperature and the prefix of the names that a run generates."""

from __future__ import annotations

from eetui.core.run.commands import SetNames
from eetui.core.run.engine_choice import EngineChoice
from eetui.core.run.trainer import Trainer
from eetui.core.run.undo import Renamed, UndoStack
from eetui.core.text import visible

TEMPERATURES = (0.1, 2.0)
"""Where warming and cooling end."""
STEP = 0.1


class Naming:
    """Sets them, and remembers how to take that back."""

    def __init__(self, trainer: Trainer, choice: EngineChoice, undo_stack: UndoStack) -> None:
        self._trainer, self._choice, self._undo_stack = trainer, choice, undo_stack

    def set(self, temperature: float | None, prefix: str | None) -> None:
        """Make a change that can be taken back; None leaves one of the two as it is.

        Raises `UsageError` where nothing can be generated so, and until there is an engine.
        """
        setup = self._trainer.setup
        before = SetNames(setup.temperature, setup.prefix)
        after = SetNames(
            setup.temperature if temperature is None else temperature,
            setup.prefix if prefix is None else prefix,
        )
        self.apply(after)
        if before != after:
            self._undo_stack.did(Renamed(_label(before, after), before, after))

    def warm(self, *, up: bool) -> None:
        """Raise or lower the temperature by a tenth."""
        low, high = TEMPERATURES
        warmer = self._trainer.setup.temperature + (STEP if up else -STEP)
        self.set(round(min(max(warmer, low), high), 1), None)

    def apply(self, change: SetNames) -> None:
        """Make a change that takes one back, or is a part of another one."""
        if self._trainer.engine is None:
            self._choice.require()
        setup = self._trainer.setup.after(change)
        self._trainer.set_names(setup.temperature, setup.prefix)


def _label(before: SetNames, after: SetNames) -> str:
    if before.prefix == after.prefix:
        return f"temperature {after.temperature:g}"
    return f"prefix {visible(after.prefix)}" if after.prefix else "no prefix"
