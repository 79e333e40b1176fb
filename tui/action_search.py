"""The command palette: every action of the screen that it covers, with its key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from eetui.tui.actions import ACTIONS, Action


class ActionCommands(Provider):
    """Offers the table of actions; the palette runs them on the screen that it covers.

    A screen without a table of its own (`ACTIONS`) has what it shares with the main screen.
    """

    def _run(self, action: Action) -> Callable[[], Any]:
        return partial(self.screen.run_action, action.action)

    def _possible(self) -> list[Action]:
        """The actions of the screen that the palette covers: a dialog has none of them."""
        table: tuple[Action, ...] = getattr(self.screen, "ACTIONS", ACTIONS)
        names = (action.action.partition("(")[0] for action in table)
        has = (hasattr(self.screen, f"action_{name}") for name in names)
        return [action for action, is_there in zip(table, has, strict=True) if is_there]

    async def discover(self) -> Hits:
        for action in self._possible():
            yield DiscoveryHit(action.title, self._run(action), help=f"key {action.shown_key}")

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._possible():
            score = matcher.match(action.title)
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(action.title),
                    self._run(action),
                    help=f"key {action.shown_key}",
                )
