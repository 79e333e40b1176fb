"""What the model says: milestones that stay, and the latest names streaming in above the rest."""

from __future__ import annotations

from itertools import groupby

from rich.cells import cell_len
from textual import events
from textual.content import Content

from eetui.core.model.statistics import SampleStatistics
from eetui.core.run.snapshot import NameSample, Snapshot
from eetui.core.text import visible
from eetui.tui import figures
from eetui.tui.widgets.pane import MUTED, LinesPane, Part, line, title

NEW = "✦"
STEP_WIDTH = 7
CELL = 10
ROOMY = 18
"""Rows from which on a blank one parts the milestones from the stream."""


class NamesPane(LinesPane, can_focus=True):
    """Each line is tagged with the step of the weights that made its names."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None
        self._drawn: tuple[object, ...] = ()

    def update(self, snapshot: Snapshot) -> None:
        """Show the names of `snapshot`."""
        self._snapshot = snapshot
        said = (snapshot.temperature, snapshot.prefix)
        wanted = (
            snapshot.names,
            snapshot.milestones,
            snapshot.statistics,
            self.content_size,
            said,
        )
        if self._drawn == wanted:
            return
        self._drawn = wanted
        prefix = f", beginning with {visible(snapshot.prefix)}" if snapshot.prefix else ""
        warmer = Content.from_markup(
            f"[@click=screen.warmer]temperature {snapshot.temperature:.1f}[/]"
        )
        self.border_title = Content("names at ") + warmer + title(prefix)
        made_up = figures.share(snapshot.statistics.new_share, snapshot.statistics.n)
        self.border_subtitle = (
            f"{NEW} {made_up} made up   [@click=screen.cooler]\\[[/] "
            "[@click=screen.warmer]] temperature[/]"
        )
        self._draw(snapshot)

    def on_resize(self, _event: events.Resize) -> None:
        if self._snapshot is not None:
            self.update(self._snapshot)

    def _draw(self, snapshot: Snapshot) -> None:
        width, height = self.content_size
        kept = [row[0] for row in _rows(snapshot.milestones, width)]
        kept = kept[-max(height // 3, 1) :] if len(kept) > height // 2 else kept
        lines = [line(("  step  milestones", MUTED)), *kept]
        if height > ROOMY:
            lines += [line(), line((_about(snapshot.statistics), MUTED)), line()]
        lines.append(line(("  step  latest first", MUTED)))
        room = height - len(lines)
        for row in reversed(_rows(snapshot.names, width)):
            if len(row) > room:
                break
            lines += row
            room -= len(row)
        self.show(lines)


def _about(sample: SampleStatistics) -> str:
    """The larger sample behind the names shown, in words of steady width."""
    distinct = figures.share(sample.distinct_share, sample.n)
    return f"  of {sample.n:>5,} names {distinct} distinct, length {sample.mean_length:4.1f}"


def _rows(names: tuple[NameSample, ...], width: int) -> list[list[Content]]:
    """For each step, lines of names in columns; the first line carries the step."""
    columns = max((width - STEP_WIDTH - 1) // CELL, 1)
    out = []
    for step, group in groupby(names, key=lambda n: n.step):
        tag = figures.step(step)
        lines: list[list[Part]] = []
        free = 0
        for name in group:
            cells = min(-(-(cell_len(visible(name.text)) + 2) // CELL), columns)
            if cells > free:
                lines.append([(tag.rjust(STEP_WIDTH), MUTED), " "])
                tag, free = "", columns
            lines[-1] += _cell(name, cells * CELL)
            free -= cells
        out.append([line(*parts) for parts in lines])
    return out


def _cell(name: NameSample, width: int) -> list[Part]:
    """A name in a cell, or in as many as it takes."""
    text = figures.pad(figures.clip(visible(name.text), width - 2), width - 1)
    if name.is_new:
        return [(NEW, "$text-accent"), (text, "$foreground")]
    return [" ", (text, MUTED)]
