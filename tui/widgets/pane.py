"""What the panes share: a border with a title, and a drawing made of styled lines."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from eetui.core.text import visible

Part = str | tuple[str, str]
"""Text, or (text, style), the style in the theme's words: 'bold $primary'."""

MUTED = "$foreground 62%"
DIM = "$foreground 38%"


def line(*parts: Part) -> Content:
    """One line of a pane; whatever is in it is text."""
    return Content.assemble(
        *(
            visible(part, None) if isinstance(part, str) else (visible(part[0], None), part[1])
            for part in parts
        )
    )


def title(text: str) -> Content:
    """A title for a border, which would take a string for markup."""
    return Content(visible(text))


class LinesPane(Widget):
    """A widget that shows lines and redraws only if one of them has changed."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    LinesPane { text-wrap: nowrap; text-overflow: clip; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._content = Content("")

    def show(self, lines: list[Content]) -> None:
        """Replace what is shown."""
        content = Content("\n").join(lines)
        if not content.is_same(self._content):
            self._content = content
            self.refresh()

    def render(self) -> Content:
        return self._content
