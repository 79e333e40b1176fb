"""The command palette, which may be closed while it still searches."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from textual.command import CommandList, CommandPalette
from textual.css.query import NoMatches
from textual.timer import Timer, TimerCallback
from textual.worker import Worker

from eetui.tui.screens.left_once import LeftOnce


class Palette(CommandPalette, LeftOnce[None]):
    """Textual's own; its watchers and timers look for parts that are gone while it is closed."""

    def _watch__list_visible(self) -> None:
        with suppress(NoMatches):
            super()._watch__list_visible()

    async def _watch__show_busy(self) -> None:
        with suppress(NoMatches):
            await super()._watch__show_busy()

    def _action_command_list(self, action: str) -> None:
        """As Textual's, but for a list that has no line on a very low screen."""
        lists = self.query(CommandList)
        if lists and lists.first().scrollable_content_region.height:
            super()._action_command_list(action)

    def run_worker(self, work: Any, *arguments: Any, **options: Any) -> Worker[Any]:
        """As Textual's, but the search may find that the palette is gone."""

        async def run() -> Any:
            with suppress(NoMatches):
                return await work()

        return super().run_worker(run, *arguments, **options)

    def set_timer(
        self, delay: float, callback: TimerCallback | None = None, **options: Any
    ) -> Timer:
        """As Textual's, but the callback may come when the palette is being taken apart."""

        def call() -> Any:
            with suppress(NoMatches):
                return callback() if callback is not None else None

        return super().set_timer(delay, call, **options)
