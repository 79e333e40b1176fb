"""The head of a screen that measures: of what, how far it has come, and what the training does."""

from __future__ import annotations

from rich.cells import cell_len
from textual import events

from eetui.core.run.snapshot import Snapshot, Status
from eetui.tui import figures
from eetui.tui.widgets.pane import MUTED, LinesPane, Part, line

LEAST_GAP, LEAST_BAR = 2, 8


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
        right = figures.clip(right, max(width - len(self._title) - LEAST_GAP, 0))
        room = max(width - len(self._title) - cell_len(right), 0)
        left = figures.pad(figures.clip(left, max(room - LEAST_GAP, 0)), room)
        text = f"  {_fitting(doing, run, width - LEAST_BAR - 2)}"
        room = max(width - len(text), 0)
        filled = round(progress * room)
        bar: list[Part] = [("━" * filled, "$primary"), ("─" * (room - filled), "$panel")]
        words = line((self._title, "bold $primary"), left, (right, MUTED))
        self.show([words, line(*bar, (text, MUTED))])

    def on_resize(self, _event: events.Resize) -> None:
        if self._last is not None:
            self.update(*self._last)


def _fitting(doing: str, run: Snapshot, width: int) -> str:
    """What is done, and of the training beside it as much as there is room for."""
    if run.status is Status.RUNNING:
        return doing
    step = figures.count(run.step)
    for waits in (f"training {run.status} at step {step}", f"training {run.status}"):
        if len(doing) + 3 + len(waits) <= width:
            return f"{doing}   {waits}"
    return doing
