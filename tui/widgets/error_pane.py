"""The traceback of a crash in the trainer; the program itself stays alive."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from eetui.core.text import visible_lines


class ErrorPane(VerticalScroll):
    """Covers the charts while there is an error to read."""

    def compose(self) -> ComposeResult:
        yield Static(id="traceback")

    def update(self, error: str) -> None:
        """Show `error`, or hide where it is ''."""
        if self.display != bool(error):
            self.display = bool(error)
        if error:
            self.border_title = "the trainer crashed"
            self.query_one("#traceback", Static).update(Content(visible_lines(error)))
