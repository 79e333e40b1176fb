"""The toggles: key, state, and what the last flip did to the microseconds."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from eetui.core.run.snapshot import Toggle
from eetui.tui import verdicts
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, Part, line

TWO_COLUMNS, THREE_COLUMNS = 58, 114
"""Widths from which on the toggles stand in so many columns."""
STATE_WIDTH = 7
BEFORE_EFFECT = 31
"""Columns of a toggle without its effect."""
WITH_EFFECT = 38
"""Width of a column from which on it has room for the effect."""
GLYPHS = {
    "faster": ("▼", "$text-success"),
    "slower": ("▲", "$text-warning"),
    "no difference found": ("=", MUTED),
}


class ToggleTable(LinesPane, can_focus=True):
    """All toggles at once, in as many columns as there is room for.

    The one under the cursor is explained beside or below the table.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("left", "move_column(-1)", "left", show=False),
        Binding("right", "move_column(1)", "right", show=False),
        Binding("enter", "flip", "toggle", show=False),
    ]

    cursor: reactive[int] = reactive(0)

    class Flipped(Message):
        """The toggle `key` is to take its next value."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Selected(Message):
        """The cursor is on `toggle` now."""

        def __init__(self, toggle: Toggle) -> None:
            super().__init__()
            self.toggle = toggle

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._toggles: tuple[Toggle, ...] = ()
        self._asked = ""
        self.border_title = "toggles"
        self.border_subtitle = "time of a sample after the flip   = again"

    @property
    def selected(self) -> Toggle | None:
        """The toggle under the cursor."""
        return self._toggles[self.cursor] if self._toggles else None

    def update(self, toggles: tuple[Toggle, ...]) -> None:
        """Show these toggles."""
        before, self._toggles = self.selected, toggles
        self._asked = ""
        self._draw()
        if self.selected is not None and self.selected != before:
            self.post_message(self.Selected(self.selected))

    def _rows(self, width: int) -> int:
        """Rows that it takes to show all toggles at a width."""
        return -(-len(self._toggles) // _columns(width))

    def _draw(self) -> None:
        width, height = self.content_size
        if not self._toggles or not width:
            return
        rows, columns = self._rows(width), _columns(width)
        first = self._first_row(rows, height)
        lines = []
        for row in range(first, min(first + height, rows)):
            cells = [self._cell(i, width // columns) for i in range(row, len(self._toggles), rows)]
            lines.append(Content("").join(cells))
        self.show(lines)

    def _first_row(self, rows: int, height: int) -> int:
        """The row at the top: 0, unless there are too many and the cursor is further down."""
        middle = self.cursor % max(rows, 1) - height // 2
        return max(0, min(middle, rows - height))

    def _cell(self, index: int, width: int) -> Content:
        toggle = self._toggles[index]
        chosen = index == self.cursor and self.has_focus
        keys = "b B" if toggle.key == "batch" else toggle.hotkey
        cell = line(
            ("▸ " if chosen else "  ", "$primary"),
            (keys.ljust(4), DIM if toggle.blocked else "bold $primary"),
            (toggle.name.ljust(16), DIM if toggle.blocked else "$foreground"),
            *_state(toggle, asked=toggle.key == self._asked),
            *_effect(toggle, width),
        )
        cell = cell.append(" " * max(width - len(cell.plain), 0))[:width]
        return cell.stylize("on $panel") if chosen else cell

    def watch_cursor(self) -> None:
        self._draw()
        if self.selected is not None:
            self.post_message(self.Selected(self.selected))

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    def on_focus(self) -> None:
        self._draw()

    def on_blur(self) -> None:
        self._draw()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or not self._toggles:
            return
        width, height = self.content_size
        rows, columns = self._rows(width), _columns(width)
        row = offset.y + self._first_row(rows, height)
        index = row + rows * (offset.x // (width // columns))
        if row < rows and index < len(self._toggles):
            self.cursor = index
            self.action_flip()

    def action_move(self, rows: int) -> None:
        """Move the cursor, stopping at the ends."""
        self.cursor = max(0, min(self.cursor + rows, len(self._toggles) - 1))

    def action_move_column(self, columns: int) -> None:
        """Move the cursor sideways, if there is something."""
        index = self.cursor + columns * self._rows(self.content_size.width)
        if 0 <= index < len(self._toggles):
            self.cursor = index

    def select(self, key: str) -> None:
        """Move the cursor to the toggle `key`, if it is there."""
        keys = [toggle.key for toggle in self._toggles]
        if key in keys:
            self.cursor = keys.index(key)

    def ask(self, key: str) -> None:
        """Select the toggle `key` and mark that it is to change, until the session has answered:
        on a core that others use, that takes longer than a person should wait for a sign."""
        self._asked = key
        self.select(key)
        self._draw()

    def action_flip(self) -> None:
        """Flip the toggle under the cursor."""
        if self.selected is not None:
            self.post_message(self.Flipped(self.selected.key))


def _columns(width: int) -> int:
    return 1 + (width >= TWO_COLUMNS) + (width >= THREE_COLUMNS)


def _state(toggle: Toggle, *, asked: bool) -> list[Part]:
    """The value in force, with a glyph beside the word; what is being compiled for or was asked to
    change; or blocked."""
    word = (toggle.pending or toggle.label).rpartition("-")[2].ljust(STATE_WIDTH)  # amx-split
    if toggle.blocked:
        return [("∅ ", DIM), (word, DIM)]
    if toggle.pending or asked:
        return [("◌ ", "$text-warning"), (word, "bold")]
    off = toggle.label == "off"
    glyph: Part = ("○ ", MUTED) if off else ("● ", "$text-success")
    return [glyph, (word, "$foreground" if off else "bold $foreground")]


def _effect(toggle: Toggle, width: int) -> list[Part]:
    """What the last flip did, in as many words as a column of `width` has room for.

    An arrow and a colour only where the verdict's interval carries them.
    """
    effect, room = toggle.effect, width - BEFORE_EFFECT
    if toggle.pending and width >= WITH_EFFECT:
        return [("compiling"[:room], "$text-warning")]
    if toggle.blocked or effect is None or width < WITH_EFFECT:
        return []
    verdict = effect.verdict
    if verdict is None:
        return [("…", MUTED)] if effect.is_measuring else []
    glyph, colour = GLYPHS[verdict.words]
    if effect.is_measuring:
        glyph = "…"
    words = verdicts.brief(verdict, room - 2)
    return [(f"{words} ", "bold $foreground" if verdict.differs else MUTED), (glyph, colour)]
