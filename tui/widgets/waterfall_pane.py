"""The rungs of a climb, one below the other, with the gain of each."""

from __future__ import annotations

from textwrap import wrap

from textual import events
from textual.content import Content

from eetui.core.measure.ladder import Ladder, Rung
from eetui.tui import figures, waterfall
from eetui.tui.waterfall import BarRole, Scale
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, Part, line

STYLES = {
    BarRole.BLANK: "",
    BarRole.TIME: "$primary",
    BarRole.SAVED: "$foreground 30%",
    BarRole.COST: "$error",
    BarRole.MARK: "$secondary",
}
LABEL_WIDTH = 27
ROOMY = 100
"""Columns from which on there is room for all columns."""


class WaterfallPane(LinesPane):
    """Shows rungs as they are measured; below them those that cannot run here, with the reason."""

    DEFAULT_CSS = """
    WaterfallPane { height: auto; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ladder: Ladder | None = None
        self._n_lines = 0

    def update(self, ladder: Ladder) -> None:
        """Show how far a climb has come."""
        self._ladder = ladder
        lines = self._lines(ladder, self.content_size.width)
        if len(lines) != self._n_lines:
            self._n_lines = len(lines)
            self.refresh(layout=True)
        self.show(lines)

    def on_resize(self, _event: events.Resize) -> None:
        if self._ladder is not None:
            self.update(self._ladder)

    def _lines(self, ladder: Ladder, width: int) -> list[Content]:
        room = self.parent.size.height if self.parent is not None else 0  # type: ignore[attr-defined]
        possible = [rung for rung in ladder.rungs if not rung.reason]
        columns = _columns(ladder, width)
        others = LABEL_WIDTH + sum(abs(w) for _, w in columns) + 2
        on = waterfall.scale(ladder, max(width - others, 1))
        told = [_reason(rung, width) for rung in ladder.impossible]
        total, warning = waterfall.together(ladder), waterfall.disturbed(ladder)
        fixed = 4 + len(possible) + bool(warning)
        needed = fixed + sum(map(len, told))
        if room < needed:  # what does not fit is cut; the main screen has it in full
            told = [[figures.clip(" ".join(reason), width - LABEL_WIDTH)] for reason in told]
            needed = fixed + len(told)
        gap = [line()] if room >= needed + len(possible) else []
        lines = [_header(columns, on.width)]
        for rung in possible:
            lines += [*gap, _row(ladder, rung, columns, on)]
        lines += [line(), line((total, "bold $foreground"))]
        lines += [line((warning, "$text-warning"))] if warning else []
        lines += [line()] if room > needed else []
        for rung, reason in zip(ladder.impossible, told, strict=True):
            words = [f"∅ {rung.label}", *[""] * (len(reason) - 1)]
            lines += [
                line((f"{word.ljust(LABEL_WIDTH)}{part}", DIM))
                for word, part in zip(words, reason, strict=True)
            ]
        return lines


def _reason(rung: Rung, width: int) -> list[str]:
    """Why a rung is not climbed, in lines right of its name."""
    return wrap(rung.reason, max(width - LABEL_WIDTH, 10))


Column = tuple[str, int]
"""A heading and a width; a column with a negative width is right of the bar."""


def _columns(ladder: Ladder, width: int) -> list[Column]:
    """The author's gains make room for the ablation where there is little."""
    columns: list[Column] = [("us/step", 8), ("gain", 8), ("spread", 8)]
    if ladder.is_ablated:
        columns.append(("alone", 14))
    columns.append(("so far", -8))
    if not ladder.is_ablated or width >= ROOMY:
        columns.append(("on M5", -7))
    return columns


def _header(columns: list[Column], bar: int) -> Content:
    words = "rung".ljust(LABEL_WIDTH)
    words += "".join(word.rjust(w) for word, w in columns if w > 0)
    words += " " * (bar + 2)
    return line((words + "".join(word.rjust(-w) for word, w in columns if w < 0), MUTED))


def _row(ladder: Ladder, rung: Rung, columns: list[Column], on: Scale) -> Content:
    is_there = rung.us is not None
    is_gain = rung.gain is not None and rung.gain.is_some
    texts: dict[str, tuple[str, str]] = {
        "us/step": (figures.microseconds(rung.us), "bold $foreground" if is_there else DIM),
        "gain": (waterfall.gain(rung.gain), "$foreground" if is_gain else MUTED),
        "spread": (waterfall.spread(rung.gain), MUTED),
        "alone": (waterfall.alone(rung.alone), "$foreground"),
        "so far": (waterfall.factor(ladder, rung), "bold $foreground"),
        "on M5": (waterfall.on_m5(rung), "$secondary"),
    }
    before: list[Part] = [
        (waterfall.label(rung).ljust(LABEL_WIDTH), "$foreground" if is_there else DIM)
    ]
    after: list[Part] = []
    for word, width in columns:
        text, style = texts[word]
        (before if width > 0 else after).append((text.rjust(abs(width)), style))
    bar: list[Part] = [(text, STYLES[role]) for text, role in waterfall.bar(rung, on)]
    return line(*before, "  ", *bar, *after)
