"""The map of a sweep: two settings, a figure and a shade at each place that was tried."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content

from eetui.core.sweep.progress import SweepProgress
from eetui.core.sweep.space import Dimension
from eetui.core.sweep.sweep_map import MapCell, SweepMap, sweep_map
from eetui.tui import figures
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, Part, line

CELL = 7
EDGE = 9
STYLES = (
    "bold $success",
    "$success",
    "$foreground",
    "$foreground 62%",
    "$foreground 38%",
)
MARKS = "█▓▒░·"
"""The shade of a place, beside its colour: the best fifth of the places first."""
LEGEND = "█ best fifth ... · worst   ▶ at work   ✂ given up"


class SweepMapPane(LinesPane):
    """Shows the best figure of each place; nothing is drawn where nothing was trained."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._x, self._y = 0, 1
        self._last: tuple[SweepProgress, int | None] | None = None

    def update(self, progress: SweepProgress, selected: int | None) -> None:
        """Show a sweep, and where one of its points lies."""
        self._last = (progress, selected)
        self._draw()

    def switch_x(self) -> None:
        """The next setting across."""
        self._x += 1
        self._draw()

    def switch_y(self) -> None:
        """The next setting down."""
        self._y += 1
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    def _axes(self, dimensions: Sequence[Dimension]) -> tuple[Dimension, Dimension | None]:
        """What lies across and down; they are never the same."""
        across = dimensions[self._x % len(dimensions)]
        others = [each for each in dimensions if each is not across]
        return across, others[(self._y - 1) % len(others)] if others else None

    def _draw(self) -> None:
        width, height = self.content_size
        if self._last is None or width < EDGE + CELL or height < 4:
            return
        progress, selected = self._last
        dimensions = progress.plan.space.dimensions
        if not dimensions:
            self.border_title = "the map"
            self.show([line(("Nothing varies but the seed.", MUTED))])
            return
        across, down = self._axes(dimensions)
        room = ((width - EDGE) // CELL, height - 2)
        drawn = sweep_map(progress.points, across, down, room)
        self.border_title = f"the map   x {drawn.x}   y {drawn.y or 'none'}"
        self.border_subtitle = LEGEND if width > len(LEGEND) else ""
        self.show([*_rows(drawn, selected), _header(drawn)])


def _header(drawn: SweepMap) -> Content:
    words = "".join(label.rjust(CELL) for label in drawn.columns)
    return line((" " * EDGE + words, MUTED))


def _rows(drawn: SweepMap, selected: int | None) -> list[Content]:
    lines = []
    for label, cells in zip(reversed(drawn.rows), reversed(drawn.cells), strict=True):
        parts: list[Part] = [(figures.clip(label, EDGE - 1).rjust(EDGE), MUTED)]
        for cell in cells:
            text, style = _cell(cell)
            chosen = selected is not None and cell.point == selected
            parts.append((text.rjust(CELL), f"{style} on $panel" if chosen else style))
        lines.append(line(*parts))
    return lines


def _cell(cell: MapCell) -> tuple[str, str]:
    running = "▶" if cell.running else ""
    if cell.mean is None:
        if running:
            return running, "$text-success"
        return ("✂", DIM) if cell.lost else ("", DIM)
    return f"{running}{cell.mean:.2f}{MARKS[cell.shade]}", STYLES[cell.shade]
