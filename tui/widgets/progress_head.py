"""The head of a screen that measures: of what, how far it has come, and what the training does."""

from __future__ import annotations

from textual import events

from eetui.core.run.snapshot import Snapshot, Status
from eetui.tui import figures
from eetui.tui.widgets.pane import MUTED, LinesPane, Part, line


class ProgressHead(LinesPane):
    """Two rows: words and a bar."""

    def __init__(self, title: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = f"{title}   "
        self._last: tuple[tuple[str, str], str, float, Snapshot] | None = None

    def update(self, about: tuple[str, str], doing: str, progress: float, run: Snapshot) -> None:
        """Show what is done, beside a run that waits for its end.

        about: what is measured, at the left and the right of the first row; progress: 0 to 1.
        """
        self._last = (about, doing, progress, run)
        width, (left, right) = self.content_size.width, about
        gap = " " * max(width - len(self._title) - len(left) - len(right), 1)
        text = f"  {doing}"
        if run.status is not Status.RUNNING:
            text += f"   training {run.status} at step {figures.count(run.step)}"
        room = max(width - len(text), 0)
        filled = round(progress * room)
        bar: list[Part] = [("━" * filled, "$primary"), ("─" * (room - filled), "$panel")]
        words = line((self._title, "bold $primary"), left, gap, (right, MUTED))
        self.show([words, line(*bar, (text, MUTED))])

    def on_resize(self, _event: events.Resize) -> None:
        if self._last is not None:
            self.update(*self._last)
