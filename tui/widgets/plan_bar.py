"""How much of the plan is done; while an engine is being compiled, that in its place."""

from __future__ import annotations

from textual import events

from eetui.core.run.snapshot import Snapshot
from eetui.core.text import visible
from eetui.tui import figures
from eetui.tui.widgets.banner import OFFERS
from eetui.tui.widgets.pane import MUTED, LinesPane, Part, line

SWEEP = 12
WARNING = "$text-warning"
ROOMY = 110
"""Columns from which on there is room for all figures, beside a message too."""
SHARED = 0.9
"""Share of a core below which the plan bar says that others use it as well."""


class PlanBar(LinesPane):
    """One row that is always there, so that a message moves nothing on the screen."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None
        self._beat = 0

    def update(self, snapshot: Snapshot) -> None:
        """Show the plan of `snapshot`, or its message where the banner has none to show."""
        self._snapshot = snapshot
        s, width = snapshot, self.content_size.width
        done = min(s.step / s.train.steps, 1.0)
        is_busy = bool(s.message) and s.status not in OFFERS
        told: list[tuple[str, str]] = [
            (f"  {done:4.0%} of {figures.count(s.train.steps)} steps", MUTED)
        ]
        if not is_busy or width >= ROOMY:
            told = [*_beside(s, roomy=width >= ROOMY), *told]
        room = max(width - sum(len(text) for text, _ in told), 0)
        if is_busy:
            self._beat += 1
            self.show([line(*_progress(self._beat, s.message, room), *told)])
        else:
            filled = round(done * room)
            bar: list[Part] = [("━" * filled, "$primary"), ("─" * (room - filled), "$panel")]
            self.show([line(*bar, *told)])

    def on_resize(self, _event: events.Resize) -> None:
        if self._snapshot is not None:
            self.update(self._snapshot)


def _beside(s: Snapshot, *, roomy: bool) -> list[tuple[str, str]]:
    """The share of the core where others use it, the time that has passed and is left."""
    told: list[tuple[str, str]] = []
    if s.core_share is not None and s.core_share < SHARED:
        words = "core shared" if roomy or not s.ghosts else "core"
        told.append((f"  {words}: {s.core_share:.0%} yours".replace("%", " %"), WARNING))
    if s.ghosts:
        words = "ghosts take" if roomy else "ghosts"
        told.append((f"  {words} {s.ghost_share:.0%}".replace("%", " %"), WARNING))
    if s.step:
        time = f"  {figures.elapsed(s.seconds)}"
        if s.seconds_left:
            time += f", {figures.elapsed(s.seconds_left)} left"
        told.append((time, MUTED))
    if roomy:
        told.append((f"  learning rate {figures.rate(s.learning_rate)}", MUTED))
    elif not told or len(told) < 2:
        told.append((f"  lr {figures.rate(s.learning_rate)}", MUTED))
    return told


def _progress(beat: int, message: str, room: int) -> list[Part]:
    """A lit stretch that moves with every snapshot: work of unknown length is under way."""
    at = beat % SWEEP
    width = max(room - SWEEP - 5, 0)
    words = figures.pad(figures.clip(visible(message, None), width), width)
    lit = [("─" * at, "$panel"), ("━━━", "$warning"), ("─" * (SWEEP - at), "$panel")]
    return [*lit, "  ", (words, "$foreground")]
