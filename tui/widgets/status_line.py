"""The figures at the top: where the run stands, how well and how fast."""

from __future__ import annotations

from textual import events
from textual.content import Content

from eetui.core.run.snapshot import Snapshot, Status
from eetui.tui import figures
from eetui.tui.widgets.pane import MUTED, LinesPane, Part, line

GLYPHS = {
    Status.STARTING: ("◌", "starting", "$text-warning"),
    Status.RUNNING: ("▶", "running", "$text-success"),
    Status.PAUSED: ("‖", "paused", "$text-warning"),
    Status.FINISHED: ("■", "finished", "$text-primary"),
    Status.DIVERGED: ("✖", "diverged", "$text-error"),
    Status.FAILED: ("✖", "failed", "$text-error"),
    Status.CLOSED: ("■", "closed", "$text-muted"),
}


WIDE = 110
"""Columns from which on the figures stand in columns under their words."""
SHAPE_WIDTH = 19
ENGINE_WIDTHS = (24, 38)
"""Least and most columns for the name of the engine."""


class StatusLine(LinesPane):
    """Two rows of figures."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None

    def update(self, snapshot: Snapshot) -> None:
        """Show the figures of `snapshot`."""
        self._snapshot = snapshot
        width = self.content_size.width
        self.show(_wide(snapshot, width) if width >= WIDE else _compact(snapshot, width))

    def on_resize(self, _event: events.Resize) -> None:
        if self._snapshot is not None:
            self.update(self._snapshot)


def _engine(snapshot: Snapshot) -> str:
    return f"{snapshot.engine} {snapshot.instruction_set}".strip()


def _held_out(s: Snapshot) -> str:
    """The word beside the held-out loss: at which step it was measured, if that is long ago."""
    measured = s.held_out.latest_step
    if measured is None or not s.held_out.is_old(s.step):
        return "held out"
    return f"held @{figures.brief(measured)}"


def _wide(s: Snapshot, width: int) -> list[Content]:
    """Columns with a small word above each figure."""
    glyph, word, colour = GLYPHS[s.status]
    right = (
        ("step", f"{figures.count(s.step)} / {figures.count(s.train.steps)}", 21),
        ("loss", figures.nats(s.loss), 7),
        (_held_out(s), figures.nats(s.held_out.latest), 12),
        ("us/step", figures.microseconds(s.us_per_step), 9),
        ("samples/s", figures.count(s.samples_per_second), 10),
        ("of peak", figures.percent(s.percent_of_peak), 9),
    )
    taken = sum(c[2] for c in right) + SHAPE_WIDTH
    room = min(max(width - taken, ENGINE_WIDTHS[0]), ENGINE_WIDTHS[1])
    left = (
        (f"{glyph} {word}", _engine(s), room, colour),
        (
            f"d_model {s.model.d_model}",
            f"{figures.count(s.n_params)} parameters",
            SHAPE_WIDTH,
            MUTED,
        ),
    )
    gap = " " * max(width - taken - room, 0)
    words: list[Part] = [(a.ljust(w), style) for a, _, w, style in left]
    words += [gap, *((a.rjust(w), MUTED) for a, _, w in right)]
    values: list[Part] = [figures.clip(b, w - 1).ljust(w) for _, b, w, _ in left]
    values += [gap, *((b.rjust(w), "bold") for _, b, w in right)]
    return [line(*words), line(*values)]


def _compact(s: Snapshot, width: int) -> list[Content]:
    """Two rows with the unit beside each figure, for 80 columns."""
    glyph, word, colour = GLYPHS[s.status]
    shape = f"d_model {s.model.d_model}, {figures.count(s.n_params)} parameters"
    engine = figures.clip(_engine(s), max(width - 13 - len(shape) - 2, 0))
    space = " " * max(width - 13 - len(engine) - len(shape), 1)
    step = f"step {figures.count(s.step)}"
    parts: list[Part] = []
    second = (figures.count(s.samples_per_second), 7, " /s")
    if s.held_out.latest is not None:
        second = (figures.nats(s.held_out.latest), 5, f" {_held_out(s)}")
    for value, w, unit in (
        (figures.nats(s.loss), 5, " loss"),
        second,
        (figures.microseconds(s.us_per_step), 6, " us/step"),
        (figures.percent(s.percent_of_peak), 7, " of peak"),
    ):
        parts += ["  ", (value.rjust(w), "bold"), (unit, MUTED)]
    room = width - sum(len(p if isinstance(p, str) else p[0]) for p in parts)
    return [
        line((f"{glyph} {word}".ljust(13), colour), engine, space, (shape, MUTED)),
        line((figures.clip(step, room).ljust(room), "bold"), *parts),
    ]
