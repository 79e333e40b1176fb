"""The command palette: every action of the main screen, with its key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from eetui.tui.actions import ACTIONS, Action


class ActionCommands(Provider):
    """Offers the table of actions; the palette runs them on the screen that it covers."""

    def _run(self, action: Action) -> Callable[[], Any]:
        return partial(self.screen.run_action, action.action)

    async def discover(self) -> Hits:
        for action in ACTIONS:
            yield DiscoveryHit(action.title, self._run(action), help=f"key {action.shown_key}")

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in ACTIONS:
            score = matcher.match(action.title)
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(action.title),
                    self._run(action),
                    help=f"key {action.shown_key}",
                )
