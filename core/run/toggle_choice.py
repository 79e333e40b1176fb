"""Setting toggles: one at a time, or all together by a preset."""

from __future__ import annotations

from eetui.core.engines.availability import judge
from eetui.core.engines.presets import preset
from eetui.core.errors import UsageError
from eetui.core.optimizations import (
    CATALOGUE,
    Optimization,
    Optimizations,
    Value,
    find_optimization,
)
from eetui.core.run.commands import BACK
from eetui.core.run.engine_choice import EngineChoice
from eetui.core.run.notices import Notices
from eetui.core.run.switch import Switch, preset_switch, toggle_switch
from eetui.core.run.trainer import Trainer
from eetui.core.run.undo import Flipped, UndoStack


class ToggleChoice:
    """The toggles as a person sets them. What was set before a preset is remembered."""

    def __init__(
        self, choice: EngineChoice, trainer: Trainer, undo_stack: UndoStack, notices: Notices
    ) -> None:
        self._choice, self._trainer = choice, trainer
        self._undo_stack, self._notices = undo_stack, notices
        self._told: set[str] = set()
        self._before_presets: Optimizations | None = None
        self._by_preset: Optimizations | None = None  # what the last preset set

    def set(self, key: str, value: Value) -> None:
        """Set a toggle; raises `UsageError` with the reason why it cannot have that value."""
        entry = find_optimization(key)
        judge(self._choice.require(), entry, self._choice.wanted).require(value)
        self._set(entry, value)

    def cycle(self, key: str) -> None:
        """Set a toggle to its next possible value; the first time, say why others are not."""
        entry = find_optimization(key)
        judged = judge(self._choice.require(), entry, self._choice.wanted)
        self._set(entry, judged.after(getattr(self._choice.wanted, key)))
        if judged.reason and key not in self._told:
            self._told.add(key)
            self._notices.tell(judged.reason)

    def apply_preset(self, name: str) -> None:
        """Set all toggles at once, or take them back to what they were before the presets."""
        engine, model = self._choice.require(), self._trainer.model
        switch = preset_switch(engine, model)
        wanted = self._before_presets if name == BACK else preset(name, engine, model)
        if wanted is None:
            raise UsageError("There is nothing to go back to: no preset was chosen yet.")
        if name == BACK:
            self._by_preset = None
        else:  # presets one after the other go back to what was before the first of them
            if self._choice.wanted != self._by_preset:
                self._before_presets = self._choice.wanted
            self._by_preset = wanted
        everything = frozenset(entry.key for entry in CATALOGUE)
        self._choice.chosen = frozenset() if name == "on" else everything
        self._flip(switch, wanted)

    def _set(self, entry: Optimization, value: Value) -> None:
        self._choice.chosen |= {entry.key}
        self._flip(toggle_switch(entry), entry.applied(self._choice.wanted, value))

    def _flip(self, switch: Switch, wanted: Optimizations) -> None:
        before = self._choice.wanted
        self._choice.want(switch, wanted)
        if before != wanted:
            label = f"{switch.name} {switch.label(wanted)}"
            self._undo_stack.did(Flipped(label, switch, before, wanted))
