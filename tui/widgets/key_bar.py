"""The keys of a screen, in its last row."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Footer


class KeyBar(Footer):
    """Textual's, which is made anew only where what it shows is no longer the same.

    A dialog changes the focus three times while it comes and three times while it goes, and making
    the row anew each time was half of the work of closing one.
    """

    SCOPED_CSS: ClassVar[bool] = False  # the padding follows the size of the screen
    DEFAULT_CSS = """
    KeyBar { background: $background; padding: 0 1; }
    KeyBar.-compact FooterKey { margin-right: 2; }
    .-narrow KeyBar, .-low KeyBar { padding: 0; }
    .-narrow KeyBar.-compact FooterKey, .-low KeyBar.-compact FooterKey { margin-right: 1; }
    """

    def __init__(self, *, show_command_palette: bool = False) -> None:
        super().__init__(compact=True, show_command_palette=show_command_palette)
        self._known: list[tuple[Binding, bool, str]] | None = None

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Called by the screen whenever the focus or what may be done may have changed."""
        if screen is not self.screen or not self.app.app_focus:
            return
        now = [
            (each.binding, each.enabled, each.tooltip)
            for each in screen.active_bindings.values()
            if each.binding.show
        ]
        if now != self._known:
            self._known = now
            super().bindings_changed(screen)
