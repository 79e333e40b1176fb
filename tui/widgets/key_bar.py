"""The keys of a screen, in its last row."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

EDGE = "▏"
PARTS = ("edge", "key", "word")


class Shown(NamedTuple):
    """A key as it is shown, what it does, and the key that a click on it presses."""

    label: str
    word: str
    key: str
    enabled: bool
    tooltip: str
    has_edge: bool = False

    @property
    def cells(self) -> int:
        """Columns that it takes."""
        return self.has_edge + cell_len(f"{self.label} {self.word}")


class KeyBar(Widget):
    """One row, drawn as a whole. Textual's footer has a widget for every key: to make these anew,
    for the first frame or when a dialog opens, took longer than all else on the screen."""

    ALLOW_SELECT = False
    SCOPED_CSS: ClassVar[bool] = False  # the padding follows the size of the screen
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "key-bar--key",
        "key-bar--word",
        "key-bar--edge",
        "key-bar--pointed",
    }
    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; background: $background; padding: 0 1; }
    .-narrow KeyBar, .-low KeyBar { padding: 0; }
    KeyBar .key-bar--key {
        color: $footer-key-foreground; background: $footer-key-background; text-style: bold;
        margin-right: 2;
    }
    .-narrow KeyBar .key-bar--key, .-low KeyBar .key-bar--key { margin-right: 1; }
    KeyBar .key-bar--word {
        color: $footer-description-foreground; background: $footer-description-background;
    }
    KeyBar .key-bar--edge { color: $foreground 20%; }
    KeyBar .key-bar--pointed { background: $block-hover-background; }
    """

    show_command_palette: reactive[bool] = reactive(False)
    pointed: reactive[Shown | None] = reactive(None)

    def __init__(self, *, show_command_palette: bool = False) -> None:
        super().__init__()
        self.set_reactive(KeyBar.show_command_palette, show_command_palette)
        self._keys: tuple[Shown, ...] = ()
        self._palette: Shown | None = None

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self.bindings_changed)
        self.bindings_changed(self.screen)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Called by the screen whenever the focus or what may be done may have changed."""
        if screen is not self.screen or not self.app.app_focus:
            return
        keys: dict[str, Shown] = {}
        palette = None
        for _, binding, enabled, tooltip in screen.active_bindings.values():
            label = self.app.get_key_display(binding)
            shown = Shown(label, binding.description, binding.key, enabled, tooltip)
            if binding.show:
                keys.setdefault(binding.action, shown)
            elif binding.key == self.app.COMMAND_PALETTE_BINDING:
                palette = shown._replace(
                    tooltip=binding.tooltip or binding.description, has_edge=True
                )
        if (*keys.values(), palette) != (*self._keys, self._palette):
            self._keys, self._palette = (*keys.values(),), palette
            self.refresh()

    def render_line(self, y: int) -> Strip:
        blank = self.rich_style.background_style
        strips, end = [], 0
        for shown, begin in self._places():
            strips += [Strip.blank(begin - end, blank), self._strip(shown)]
            end = begin + shown.cells
        return Strip.join(strips).adjust_cell_length(self.content_size.width, blank)

    def _strip(self, shown: Shown) -> Strip:
        """A key and its word; the palette's stand behind an edge."""
        styles = [self.get_component_rich_style(f"key-bar--{part}") for part in PARTS]
        if not shown.enabled:
            styles = [style + Style(dim=True) for style in styles]
        if shown == self.pointed:
            pointed = self.get_component_rich_style("key-bar--pointed").background_style
            styles = [style + pointed for style in styles]
        texts = (EDGE * shown.has_edge, shown.label, f" {shown.word}")
        parts = zip(texts, styles, strict=True)
        return Strip([Segment(text, style) for text, style in parts if text])

    def _places(self) -> list[tuple[Shown, int]]:
        """Each key with the column where it begins, as far as there is room."""
        gap = self.get_component_styles("key-bar--key").margin.right
        room = self.content_size.width
        palette = self._palette if self.show_command_palette else None
        if palette is not None:
            room -= palette.cells + gap
        places, column = [], 0
        for shown in self._keys:
            if column + shown.cells <= room:
                places.append((shown, column))
            column += shown.cells + gap
        return places if palette is None else [*places, (palette, room)]

    def _under(self, event: events.MouseEvent) -> Shown | None:
        """The key under the mouse."""
        at = event.get_content_offset(self)
        if at is None:
            return None
        return next((s for s, begin in self._places() if begin <= at.x < begin + s.cells), None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.pointed = self._under(event)
        self.tooltip = self.pointed.tooltip if self.pointed else None

    def on_leave(self) -> None:
        self.pointed = None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        shown = self._under(event)
        if shown is None:
            return
        if shown.enabled:
            self.app.simulate_key(shown.key)
        else:
            self.app.bell()
