"""A question that is answered with a line of text."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from eetui.tui.screens.dialog import Dialog
from eetui.tui.widgets.field import Field


class Prompt(Dialog[str | None]):
    """Gives the text, or None for escape."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "give_up", "cancel")]

    def __init__(self, question: str, text: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._question = question
        self._text = text
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question, markup=False)
            yield Field(self._text, placeholder=self._placeholder, compact=True)
            yield Static("\n[b]enter[/b] accepts   [b]esc[/b] cancels", classes="hint")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())

    def action_give_up(self) -> None:
        self.dismiss(None)
