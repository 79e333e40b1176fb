"""A widget that shows a drawn chart; its roles get their colours from the theme."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from eetui.core.text import visible
from eetui.tui.rows import Role, Row


class Canvas(Widget):
    """Rows of text whose parts carry roles."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"chart--{role.name.lower()}" for role in Role}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: list[Row] = []

    def put(self, rows: list[Row]) -> None:
        """Show these rows from now on."""
        self._rows = rows
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        if y >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        strip = Strip(
            [Segment(visible(text, None), self._style(role)) for text, role in self._rows[y]]
        )
        return strip.adjust_cell_length(width, self.rich_style)

    def _style(self, role: Role) -> Style:
        return self.get_component_rich_style(f"chart--{role.name.lower()}")
