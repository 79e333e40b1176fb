"""What the screens share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from textual.css.query import NoMatches
from textual.message import Message
from textual.screen import ScreenResultType
from textual.timer import Timer, TimerCallback

from eetui.tui import screens
from eetui.tui.actions import ACTIONS, Action
from eetui.tui.screens.left_once import LeftOnce


class ShownScreen(LeftOnce[ScreenResultType]):
    """Hears keys, messages and timers while it is shown: when it is left, its parts go first.

    Below a dialog it is drawn where something has changed.
    """

    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    """What can be done on it; a screen without a table of its own has the main screen's."""

    def action_help(self) -> None:
        """Tell what the screen shows, and all of its keys."""
        self.app.push_screen(screens.help.Help(dict.fromkeys(a.group for a in self.ACTIONS)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action can be done now."""
        own = any(not child.has_class("-textual-system") for child in self.children)
        return own and super().check_action(action, parameters)

    def set_timer(
        self, delay: float, callback: TimerCallback | None = None, **options: Any
    ) -> Timer:
        """As Textual's; a callback that finds parts of a screen gone that is left is no error."""

        def call() -> Any:
            with self._leaving():
                return callback() if callback is not None else None

        return super().set_timer(delay, call, **options)

    def _compositor_refresh(self) -> None:
        """As Textual's, after which a screen below a dialog would be drawn again, for ever."""
        super()._compositor_refresh()
        if self.app.screen is not self:
            self._repaint_required = False

    async def _on_message(self, message: Message) -> None:
        with self._leaving():
            await super()._on_message(message)

    @contextmanager
    def _leaving(self) -> Iterator[None]:
        try:
            yield
        except NoMatches:
            is_ending = self.app.return_code is not None or not self.app.is_running
            if not is_ending and self in self.app.screen_stack:
                raise
