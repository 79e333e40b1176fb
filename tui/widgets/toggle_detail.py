"""What the selected toggle does and why that works, or why it cannot be flipped here."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widget import Widget

from eetui.core.errors import UsageError
from eetui.core.optimizations import find_optimization
from eetui.core.run.snapshot import Toggle
from eetui.core.run.switch import ALL
from eetui.tui import figures, verdicts
from eetui.tui.widgets.pane import MUTED, Part

BATCH_WHY = (
    "Every weight is loaded once for the whole batch, so a sample gets cheaper as the batch grows; "
    "but fewer, better steps are taken for the same names, which changes what is learned: time "
    "alone does not decide it. `eetui ab batch=16,64 --metric loss` does."
)
ALL_WHY = (
    "What an optimization is worth depends on what is there already: the ladder (C) adds them one "
    "at a time, and shows what each costs to take away."
)
_WHYS = {"batch": BATCH_WHY, ALL: ALL_WHY}
PROMISES = {
    "exact": "exact: the same up to the order of sums",
    "rounding": "rounding: a documented approximation",
    "learning": "learning: changes what is learned",
}


def why(toggle: Toggle) -> str:
    """Why a toggle works, from the catalogue."""
    return _WHYS.get(toggle.key) or find_optimization(toggle.key).why


def m5_gain(toggle: Toggle) -> float | None:
    """What EEmicroGPT's author reports for it on an Apple M5, in per cent of a step."""
    try:
        return find_optimization(toggle.key).m5_gain
    except UsageError:
        return None


class ToggleDetail(Widget):
    """The text beside the table, wrapped; in the compact layout one line below it."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._toggle: Toggle | None = None
        self._content = Content("")

    def update(self, toggle: Toggle) -> None:
        """Explain `toggle`."""
        self._toggle = toggle
        self.border_title = f"{toggle.name}   [not bold]{PROMISES[toggle.kind]}[/]"
        self.border_subtitle = "   ".join(filter(None, (_effect(toggle), _author(toggle))))
        said = toggle.blocked or toggle.what
        first: list[Part] = [(said, "$text-warning" if toggle.blocked else "$foreground")]
        if self.outer_size.height == self.content_size.height:  # no frame to say it in
            first.insert(0, (f"{_effect(toggle) or toggle.kind}   ", MUTED))
        missing = f" Not here: {toggle.missing}" if toggle.missing and not toggle.blocked else ""
        rest = f"{missing} {_moved(toggle)}{why(toggle)}"
        self._content = Content.assemble(*first, (rest, MUTED))
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        if self._toggle is not None:
            self.update(self._toggle)

    def render(self) -> Content:
        return self._content


def _effect(toggle: Toggle) -> str:
    """The verdict on the last flip, in words."""
    effect = toggle.effect
    if toggle.pending:
        return f"compiling for {toggle.pending}, {toggle.label} till then"
    if effect is None:
        return ""
    flip, verdict = f"{effect.before} → {effect.after}", effect.verdict
    if verdict is None:
        return f"{flip}: measuring …" if effect.is_measuring else f"{flip}: = measures it"
    told = f"{flip}: {verdicts.finding(verdict)} ({verdicts.count(verdict)})"
    return f"{told} …" if effect.is_measuring else told


def _moved(toggle: Toggle) -> str:
    """How far the last flip moved the gradient, in a sentence; what follows the gradient is of
    another kind."""
    effect = toggle.effect
    if effect is None or effect.gradient_change is None or toggle.kind == "learning":
        return ""
    return f"The flip: gradient {figures.moved(effect.gradient_change)}. "


def _author(toggle: Toggle) -> str:
    gain = m5_gain(toggle)
    return "" if gain is None else f"{gain:.0f} % on an Apple M5"
