"""A screen that is left once, however often its key is pressed before it is gone."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import Screen, ScreenResultType


class LeftOnce(Screen[ScreenResultType]):
    """Textual's `dismiss` takes away the screen on top, which the second time is the one below.

    Among the bases of a class it comes last: Textual takes the style sheet of the first.
    """

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        return super().dismiss(result) if self.is_active else AwaitComplete()
