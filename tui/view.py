"""How the charts of a run are looked at: the view they share, their axes and their marks."""

from __future__ import annotations

from dataclasses import dataclass

from eetui.core.curves import window
from eetui.core.curves.points import Axis, Span, event_positions, place
from eetui.core.curves.reading import Reading
from eetui.core.run.snapshot import Snapshot
from eetui.tui import figures, ticks
from eetui.tui.plot import Label
from eetui.tui.rows import Role

SHOWN_PAUSE = 0.05
"""Seconds from which on a mark tells how long its measurement held up the training."""
LABEL_WIDTH = 7
"""The y labels of both charts have one width, so that their x axes and marks stand in line."""
SHORTEST: dict[Axis, float] = {"steps": 10.0, "seconds": 0.01}
"""Where the x axis ends at the least."""


@dataclass(frozen=True, slots=True)
class View:
    """How both charts are looked at; a key makes a new one.

    window: the steps that are seen, or None for all. cursor: the step that is read, or None.
    """

    axis: Axis = "steps"
    smoothing: float = 0.6
    window: Span | None = None
    cursor: float | None = None


def said(read: Reading) -> list[str]:
    """The figures at the cursor in words."""
    held_out = [f"held out {figures.nats(read.held_out)}"] if read.held_out is not None else []
    return [
        f"step {figures.count(read.step)}",
        f"{read.seconds:,.3f} s",
        f"loss {figures.nats(read.loss)}",
        *held_out,
        *us_said(read),
    ]


def us_said(read: Reading) -> tuple[str, str]:
    """The pace at the cursor: median and quartiles."""
    low, high = figures.pace(read.us_low), figures.pace(read.us_high)
    return f"{figures.pace(read.us)} us/step", f"({low} to {high})"


def settings_of(snapshot: Snapshot, read: Reading) -> list[str]:
    """The settings at the cursor: the batch and the learning rate always, others if changed."""
    now = {
        "batch": f"batch {snapshot.train.batch}",
        "learning_rate": f"lr {snapshot.train.learning_rate:.3g}",
    }
    return [*(now | read.settings).values()]


def x_ticks(snapshot: Snapshot, view: View, columns: int) -> ticks.Ticks:
    """The x axis of both charts: the window, or from the start to a round number past the end."""
    curve = snapshot.curve
    label = figures.fixed if view.axis == "steps" else figures.seconds
    count = max(columns // 14, 2)
    if view.window is not None:
        low, high = (place(curve, view.axis, step) for step in view.window)
        return ticks.linear(low, high, count, label)
    last, _ = window.limits(curve, view.axis)
    return ticks.linear(0.0, max(last, SHORTEST[view.axis]), count, label, fit=True)


def y_label(value: float, decimals: int) -> str:
    """A label of the y axis at its fixed width."""
    text = figures.fixed(value, decimals)
    if len(text) >= LABEL_WIDTH:
        text = f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-")
    return f"{text.rjust(LABEL_WIDTH - 1)} "


def mark_labels(
    snapshot: Snapshot, axis: Axis, x_axis: ticks.Ticks, y: float, columns: int, down: int = 1
) -> tuple[Label, ...]:
    """The words of the marks, in two rows from y on, down or up (-1), the latest first.

    A word stands right of its mark, else left of it; where it would cover another it is left out.
    """
    per_column = (x_axis.upper - x_axis.lower) / max(columns, 1)
    taken: list[list[tuple[float, float]]] = [[(x_axis.upper, float("inf"))] for _ in range(2)]
    labels = []
    positions = event_positions(snapshot.events, axis)
    for event, x in reversed(list(zip(snapshot.events, positions, strict=True))):
        if not x_axis.lower <= x <= x_axis.upper:
            continue
        pause = f" ‖{event.paused:.1f} s" if event.paused >= SHOWN_PAUSE else ""
        text = f" {event.label}{pause} "
        room = len(text) * per_column
        for row, start in ((row, start) for row in range(2) for start in (x, x - room)):
            free = all(start + room <= a or start >= b for a, b in taken[row])
            if free and start >= x_axis.lower:
                taken[row].append((start, start + room))
                anchor = "left" if start == x else "right"
                labels.append(Label(x, y, text, Role.MARK, anchor, down * row))
                break
    return tuple(labels)


def marks(snapshot: Snapshot, axis: Axis, x_axis: ticks.Ticks) -> tuple[float, ...]:
    """Where the marks stand that are in sight."""
    positions = event_positions(snapshot.events, axis)
    return tuple(x for x in positions if x_axis.lower <= x <= x_axis.upper)
