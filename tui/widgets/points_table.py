"""The league of a sweep: a row for each point, the best first, then those at work and the rest."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from eetui.core.sweep.point import State, SweepPoint
from eetui.core.sweep.progress import SweepProgress, beats
from eetui.core.sweep.space import Value, written
from eetui.tui import figures
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, Part, line

GLYPHS: dict[State, str] = {
    "running": "▶ at work",
    "done": "✓",
    "pruned": "✂ pruned",
    "missed": "■ missed",
    "diverged": "↯ diverged",
    "failed": "✗ failed",
}
STYLES: dict[State, str] = {"running": "$text-success", "failed": "$text-error"}
LEAST_FOR_INTERVAL = 72


class PointsTable(LinesPane, can_focus=True):
    """The cursor stays on the leader until the user moves it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "move(-10)", "page up", show=False),
        Binding("pagedown", "move(10)", "page down", show=False),
        Binding("home", "move(-100000)", "first", show=False),
        Binding("end", "move(100000)", "last", show=False),
    ]

    class Selected(Message):
        """The cursor has moved to another point."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.selected: int | None = None
        self._is_chosen = False
        self._progress: SweepProgress | None = None
        self._marks: dict[int, tuple[str, str]] = {}
        self._rows: list[SweepPoint] = []
        self._league: list[SweepPoint] = []

    def update(self, progress: SweepProgress, marks: dict[int, tuple[str, str]]) -> None:
        """Show where every point stands; marks: character and style of those that are ticked."""
        self._progress, self._marks = progress, marks
        self._league = progress.league
        others = [point for point in progress.points if point.state != "done"]
        order = sorted(others, key=lambda point: (point.state != "running", -point.number))
        self._rows = [*self._league, *order]
        known = {point.number for point in self._rows}
        if self._rows and (not self._is_chosen or self.selected not in known):
            self.selected = self._rows[0].number
        self._draw()

    def begin(self) -> None:
        """Another sweep: the cursor follows its leader."""
        self._is_chosen, self.selected = False, None

    def choose(self, number: int) -> None:
        """Put the cursor on a point."""
        self.selected, self._is_chosen = number, True
        self._draw()
        self.post_message(self.Selected())

    def action_move(self, rows: int) -> None:
        """Move the cursor, stopping at the ends."""
        if self._rows:
            place = max(0, min(self._cursor + rows, len(self._rows) - 1))
            self.choose(self._rows[place].number)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and 0 < offset.y <= len(self._rows) - self._first:
            self.choose(self._rows[self._first + offset.y - 1].number)

    def on_mouse_scroll_down(self) -> None:
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-1)

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    @property
    def _cursor(self) -> int:
        return next((i for i, p in enumerate(self._rows) if p.number == self.selected), 0)

    @property
    def _first(self) -> int:
        room = max(self.content_size.height - 1, 1)
        return max(0, min(self._cursor - room // 2, len(self._rows) - room))

    def _draw(self) -> None:
        progress, (width, height) = self._progress, self.content_size
        if progress is None or not width:
            return
        self.border_title = "the league   " + _counts(progress)
        keys = [dimension.key for dimension in progress.plan.space.dimensions]
        widths = {key: max(len(_short(key)), 7) + 2 for key in keys}
        wide = width >= LEAST_FOR_INTERVAL and progress.plan.seeds > 1
        head = "   " + "".join(_short(key).rjust(widths[key]) for key in keys)
        head += progress.plan.aim.words.rjust(11) + ("   95 % interval" if wide else "")
        lines = [line((f"{head}   train", MUTED))]
        for i, point in enumerate(self._rows[self._first : self._first + height - 1], self._first):
            lines.append(self._row(point, i, widths, wide, width))
        self.show(lines)

    def _row(
        self, point: SweepPoint, i: int, widths: dict[str, int], wide: bool, width: int
    ) -> Content:
        chosen = point.number == self.selected
        mark, style = self._marks.get(point.number, (" ", MUTED))
        parts: list[Part] = [("▸" if chosen else " ", "$primary"), (mark, style), " "]
        own = STYLES.get(point.state, "$foreground" if point.state == "done" else DIM)
        parts += [(_figure(point.settings[key]).rjust(w), own) for key, w in widths.items()]
        mean = figures.ABSENT if point.mean is None else f"{point.mean:.4f}"
        parts.append((mean.rjust(11), f"bold {own}"))
        if wide:
            ends = point.interval
            words = "" if ends is None else f"{ends[0]:.4f}-{ends[1]:.4f}"
            parts.append((words.rjust(16), MUTED))
        took = figures.duration(point.seconds) if point.trainings else figures.ABSENT
        parts.append((took.rjust(8), MUTED))
        following = self._league[i + 1] if i + 1 < len(self._league) else None
        better = following is not None and beats(point, following)
        words = "✓ beats the next" if better else GLYPHS[point.state]
        row = line(*parts)
        if len(row.plain) + 2 + len(words) > width:  # the sign says it as well
            words = words[0]
        row = line(*parts, (f"  {words}", own))
        row = row.stylize("on $panel") if chosen else row
        return row[:width] if len(row.plain) > width else row


def _figure(value: Value) -> str:
    """As it is typed, but as long as the figures above and below it."""
    return f"{value:#.4g}" if isinstance(value, float) else written(value)


def _short(key: str) -> str:
    """A setting as a heading."""
    return {"learning_rate": "lr", "n_heads": "heads", "n_layers": "layers"}.get(key, key)


def _counts(progress: SweepProgress) -> str:
    words = [f"{progress.count('done'):,} done"]
    for state in ("pruned", "missed", "diverged", "failed"):
        if n := progress.count(state):
            words.append(f"{n:,} {state}")
    return ", ".join(words)
