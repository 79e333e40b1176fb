"""What the selected toggle does and why that works, or why it cannot be flipped here."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from eetui.core.errors import UsageError
from eetui.core.optimizations import find
from eetui.core.snapshot import Toggle
from eetui.tui.widgets.pane import MUTED

BATCH_WHY = (
    "Every weight is loaded once for the whole batch, so a sample gets cheaper as the batch grows; "
    "but fewer, better steps are taken for the same names, which changes what is learned."
)
PROMISES = {
    "exact": "exact: the same arithmetic up to the order of sums",
    "rounding": "rounding: a documented approximation",
    "learning": "learning: changes what is learned",
}


def why(toggle: Toggle) -> str:
    """Why a toggle works, from the catalogue."""
    try:
        return find(toggle.key).why
    except UsageError:
        return BATCH_WHY


class ToggleDetail(Widget):
    """The text beside the table, wrapped; in the compact layout one line below it."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._content = Content("")

    def update(self, toggle: Toggle) -> None:
        """Explain `toggle`."""
        self.border_title = toggle.name
        first = (
            (toggle.blocked, "$text-warning") if toggle.blocked else (toggle.what, "$foreground")
        )
        self._content = Content.assemble(first, "\n", (why(toggle), MUTED))
        self.refresh(layout=True)

    def render(self) -> Content:
        return self._content
