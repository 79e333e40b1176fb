"""The toggles: key, state, promise, and what the last flip did to the microseconds."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from eetui.core.snapshot import Effect, Toggle
from eetui.tui import figures
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, Part, line

HEADER = "      toggle        state  promise  us/step before, after the flip"


EFFECT_WIDTH = 34


class ToggleTable(LinesPane, can_focus=True):
    """A row for each toggle; the row under the cursor is explained beside or below the table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
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
        self.border_title = "toggles"

    @property
    def selected(self) -> Toggle | None:
        """The toggle under the cursor."""
        return self._toggles[self.cursor] if self._toggles else None

    def update(self, toggles: tuple[Toggle, ...]) -> None:
        """Show these toggles."""
        before, self._toggles = self.selected, toggles
        self._draw()
        if self.selected is not None and self.selected != before:
            self.post_message(self.Selected(self.selected))

    def _draw(self) -> None:
        rows = [self._row(i, toggle) for i, toggle in enumerate(self._toggles)]
        self.show([line((HEADER, MUTED)), line(), *rows] if self._has_header else rows)

    @property
    def _has_header(self) -> bool:
        return self.content_size.height > len(self._toggles)

    def _row(self, index: int, toggle: Toggle) -> Content:
        chosen = index == self.cursor
        keys = "b B" if toggle.key == "batch" else toggle.hotkey
        text = "" if toggle.blocked else "$foreground"
        parts: list[Part] = [
            ("▸ " if chosen and self.has_focus else "  ", "$primary"),
            (keys.ljust(4), DIM if toggle.blocked else "bold $primary"),
            (toggle.name.ljust(14), text or DIM),
            *_state(toggle),
            (toggle.kind.ljust(9), DIM if toggle.blocked else MUTED),
            *_effect(toggle),
        ]
        row = line(*parts)
        room = self.content_size.width - len(row.plain)
        row = row.append(" " * room) if room > 0 else row
        return row.stylize("on $panel") if chosen and self.has_focus else row

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
        index = -1 if offset is None else offset.y - (2 if self._has_header else 0)
        if 0 <= index < len(self._toggles):
            self.cursor = index
            self.action_flip()

    def action_move(self, rows: int) -> None:
        """Move the cursor, stopping at the ends."""
        self.cursor = max(0, min(self.cursor + rows, len(self._toggles) - 1))

    def select(self, key: str) -> None:
        """Move the cursor to the toggle `key`, if it is there."""
        keys = [toggle.key for toggle in self._toggles]
        if key in keys:
            self.cursor = keys.index(key)

    def action_flip(self) -> None:
        """Flip the toggle under the cursor."""
        if self.selected is not None:
            self.post_message(self.Flipped(self.selected.key))


def _state(toggle: Toggle) -> list[Part]:
    """The value in force, with a glyph beside the word; what is being compiled for; or blocked."""
    if toggle.blocked:
        return [("∅ ", DIM), (toggle.label.ljust(5), DIM)]
    if toggle.pending:
        return [("◌ ", "$text-warning"), (toggle.pending.ljust(5), "bold")]
    off = toggle.label == "off"
    glyph: Part = ("○ ", MUTED) if off else ("● ", "$text-success")
    return [glyph, (toggle.label.ljust(5), "$foreground" if off else "bold $foreground")]


def _effect(toggle: Toggle) -> list[Part]:
    effect = toggle.effect
    if toggle.blocked:
        return [(figures.clip(toggle.blocked, EFFECT_WIDTH), DIM)]
    if toggle.pending:
        return [(f"compiling, {toggle.label} till then", "$text-warning")]
    if effect is None:
        return [("–".rjust(6), DIM)]
    before = figures.microseconds(effect.before, 6)
    after = figures.microseconds(effect.after, 6)
    return [(f"{before} → ", MUTED), (after, "bold $foreground"), "  ", *_ratio(effect)]


def _ratio(effect: Effect) -> list[Part]:
    if effect.ratio is None:
        return [("measuring …", MUTED)]
    words = figures.times(effect.ratio)
    slower, faster = words.endswith("slower"), words.endswith("faster")
    glyph = "▲ " if slower else "▼ " if faster else "= "
    colour = "$text-warning" if slower else "$text-success" if faster else MUTED
    return [(glyph + words, colour), ("" if effect.settled else " …", MUTED)]
