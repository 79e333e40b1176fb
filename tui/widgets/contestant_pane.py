"""The selected contestant: what it is, what it runs on, and its names as they improve."""

from __future__ import annotations

from textwrap import wrap

from textual import events
from textual.content import Content

from eetui.core.race.standing import Names, Standing
from eetui.core.text import visible
from eetui.tui import figures, standings
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, Part, line, title

STEP_WIDTH = 7


class ContestantPane(LinesPane):
    """A few sentences, and below them its names, from the first to the latest."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._standing: Standing | None = None

    def update(self, standing: Standing) -> None:
        """Show a contestant."""
        self._standing = standing
        self._draw(standing)

    def on_resize(self, _event: events.Resize) -> None:
        if self._standing is not None:
            self._draw(self._standing)

    def _draw(self, s: Standing) -> None:
        width, height = self.content_size
        if width < 10:
            return
        self.border_title = title(s.name)
        self.border_subtitle = title(standings.status(s))
        lines = [line((words, "$foreground")) for words in wrap(s.summary, width)]
        if s.model:
            words = f"{standings.OTHER_MODEL} another model: {s.model}."
            lines += [line((part, "$text-accent")) for part in wrap(words, width)]
        lines += [line((part, "$text-warning")) for part in wrap(s.reason, width)]
        lines += [line((part, MUTED)) for part in wrap(_about(s), width)]
        if s.names:
            head = "step".rjust(STEP_WIDTH) + "after".rjust(STEP_WIDTH + 1)
            lines += [line(), line((f"{head}  names", MUTED))]
            lines += names_over_time(s.names, width, height - len(lines))
        self.show(lines)


def _about(s: Standing) -> str:
    """Its batch, how long its start took, and what it computes on."""
    if not s.batch:
        return ""
    batch = "One document a step" if s.batch == 1 else f"{s.batch} documents a step"
    ready = f"ready in {figures.duration(s.compile_seconds)}"
    held_out = "" if s.held_out is None else f" Held-out loss {figures.nats(s.held_out)}."
    return f"{batch}, {ready}" + (f", on {s.detail}." if s.detail else ".") + held_out


def names_over_time(names: tuple[Names, ...], width: int, room: int) -> list[Content]:
    """As many as fit, spread over the training; the first and the last are always shown."""
    room = max(min(room, len(names)), 1)
    places = [i * (len(names) - 1) // (room - 1) for i in range(room)] if room > 1 else [-1]
    return [_row(names[i], width, is_last=names[i] is names[-1]) for i in places]


def _row(names: Names, width: int, is_last: bool) -> Content:
    words = "  " + " ".join(map(visible, names.texts))
    tag = figures.step(names.step, STEP_WIDTH) + figures.duration(names.seconds, STEP_WIDTH + 1)
    text = figures.clip(words, width - len(tag))
    parts: list[Part] = [(tag, MUTED if is_last else DIM)]
    return line(*parts, (text, "bold $foreground" if is_last else "$foreground"))
