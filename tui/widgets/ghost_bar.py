"""The rows under the charts that tell of the ghosts: what each kept, and how far it is away."""

from __future__ import annotations

from textual import events
from textual.content import Content

from eetui.core.run.snapshot import GhostView, Snapshot
from eetui.core.text import visible
from eetui.tui import figures
from eetui.tui.widgets.pane import MUTED, LinesPane, line

WIDE = 110
"""Columns from which on there is room for where the ghost is."""
NAMED, SHORT = 22, 14
"""Columns for the setting that a ghost kept, where there is room and where there is not."""


class GhostBar(LinesPane):
    """A row for each ghost, none while there are none; a click on a row's key ends that ghost."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None
        self.display = False

    def update(self, snapshot: Snapshot) -> None:
        """Show the ghosts of `snapshot`."""
        rows = 0 if self._snapshot is None else len(self._snapshot.ghosts)
        self._snapshot = snapshot
        self.display = bool(snapshot.ghosts)
        self.show([_row(ghost, self.content_size.width) for ghost in snapshot.ghosts])
        if rows != len(snapshot.ghosts):
            self.refresh(layout=True)

    def on_resize(self, _event: events.Resize) -> None:
        if self._snapshot is not None:
            self.update(self._snapshot)


def _row(ghost: GhostView, width: int) -> Content:
    named = NAMED if width >= WIDE else SHORT
    name = figures.pad(figures.clip(visible(ghost.label, None), named), named)
    left = line(("ghost ", MUTED), (str(ghost.number), "bold"), f" {name}")
    where = f"loss {figures.nats(ghost.loss)} at step {figures.count(ghost.step)}"
    told = figures.apart(ghost.distance)
    if ghost.ended:
        told = f"{ghost.ended}; {told}" if ghost.distance else ghost.ended
    end = Content.from_markup(
        f"[@click=screen.end_ghost({ghost.number})][reverse] G [/reverse] [{MUTED}]end[/][/]"
    )
    if width >= WIDE:
        left += line(("  " + where.ljust(30), MUTED))
    room = width - left.cell_length - end.cell_length - 4
    said = figures.pad(figures.clip(told, room), max(room, 0))
    return left + Content("  ") + line(said) + Content("  ") + end
