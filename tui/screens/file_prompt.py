"""A question that is answered with a file: a path with completion above a list of what is there."""

from __future__ import annotations

import os
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from eetui.core.completion import completions, shared_beginning
from eetui.core.text import visible
from eetui.tui.screens.dialog import Dialog
from eetui.tui.widgets.field import Field


class FilePrompt(Dialog[str | None]):
    """Gives the path as it stands there, or None for escape.

    tab completes it, ↑ and ↓ choose from the list; the whole path of what will be read or written
    stands below.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "cancel"),
        Binding("tab", "complete", "complete", priority=True),
        Binding("down", "choose(1)", "down", priority=True),
        Binding("up", "choose(-1)", "up", priority=True),
    ]

    def __init__(self, question: str, text: str, suffix: str) -> None:
        super().__init__()
        self._question = question
        self._text = text
        self._suffix = suffix
        self._found: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question, markup=False)
            yield Field(self._text, compact=True)
            yield OptionList(compact=True, classes="files")
            yield Static(id="whole", markup=False)
            yield Static(
                "[b]tab[/b] completes   [b]↑ ↓[/b] choose   [b]enter[/b] accepts   "
                "[b]esc[/b] cancels",
                classes="hint",
            )

    def on_mount(self) -> None:
        self._list()
        self.query_one(OptionList).can_focus = False  # what is typed always goes into the path

    @on(Input.Changed)
    def _list(self) -> None:
        """Show what the path may become, and what it stands for."""
        typed = self.query_one(Input).value
        found = completions(typed, self._suffix)
        box = self.query_one(OptionList)
        if found != self._found:
            self._found = found
            box.clear_options()
            box.add_options(Option(Content(visible(name))) for name in found)
        box.display = bool(found)
        whole = os.path.abspath(os.path.expanduser(typed.strip())) if typed.strip() else ""
        self.query_one("#whole", Static).update(visible(whole))

    def action_choose(self, rows: int) -> None:
        """Put the next of the list into the path."""
        box = self.query_one(OptionList)
        if self._found:
            at = -1 if box.highlighted is None else box.highlighted
            place = (at + rows) % len(self._found) if at >= 0 else 0
            box.highlighted = place
            self._put(self._found[place])

    def action_complete(self) -> None:
        """As far as all of the list agree."""
        if self._found:
            self._put(shared_beginning(self._found))
            self._list()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._put(self._found[event.option_index])
        self._list()

    def _put(self, path: str) -> None:
        field = self.query_one(Input)
        with field.prevent(Input.Changed):  # the list stays while one chooses from it
            field.value = path
        field.cursor_position = len(path)
        self.query_one("#whole", Static).update(visible(os.path.abspath(os.path.expanduser(path))))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        """Into a folder, or out with the path."""
        path = event.value.strip()
        if path.endswith(os.sep):
            self._list()
        else:
            self.dismiss(path)

    def action_give_up(self) -> None:
        self.dismiss(None)
