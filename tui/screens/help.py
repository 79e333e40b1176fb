"""What each pane shows, its keys, and why each toggle works."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from eetui.core.run.snapshot import Toggle
from eetui.tui import actions
from eetui.tui.actions import group
from eetui.tui.screens.dialog import Dialog
from eetui.tui.widgets.pane import MUTED, Part
from eetui.tui.widgets.toggle_detail import PROMISES, m5_gain, why

ABOUT = {
    actions.TRAINING: (
        "A small GPT learns to spell names, right now, in this process. The top rows say where "
        "the run stands: the mean loss of the last 100 steps in nats, the median microseconds a "
        "step, and the share of the core's measured peak that the model's nominal work amounts "
        "to. u takes the last change back: a toggle, a batch, a rate or a plan gets its old "
        "value, and the present weights train on with it; after a restart, another set-up, an "
        "opened file or a branch, the run is back with the weights it had. A run that diverged "
        "goes back to its last good step first. The timeline above the keys is logarithmic in the "
        "steps: ┴ is a state that is kept, ◆ a change, ● where you look. < and > go along it, "
        "comma and . go single steps, : asks for a step, and a click goes to any: names, losses "
        "and settings are shown as they were, and the training pauses. enter branches: the run "
        "goes on from there. esc returns to now. The states take at most 17 MB; the steps between "
        "two of them are trained again. G begins a ghost: the run as it would have gone without "
        "its last change goes on from that very step, on the same documents, as a faint line with "
        "a number. G once more ends it. There are four at the most. Run and ghosts train in "
        "turns, each for as long as the others, and the top rows say what that costs. How far the "
        "run is from its ghost is told with an interval (95 %) once that is sure."
    ),
    actions.TOGGLES: (
        "One optimization each, flipped between two steps of the live run. Before and after are "
        "medians of the microseconds a step. ● is on, ○ is off, ◌ is being compiled, ∅ cannot "
        "be flipped here. Arrows or j k choose one, enter or a click flips it."
    ),
    actions.CHARTS: (
        "The loss falls from the level of chance (the loss of guessing); faint points are raw, the "
        "bright line is smoothed over both sides, so it does not lag. When the warm-up is over the "
        "chart closes in on the loss, and chance becomes a tag at the edge. Below it, microseconds "
        "a step on the same x axis: a line of medians in a band from the lower to the upper "
        "quartile. Every flip leaves a dotted mark on both. On a chart that has the focus (tab), "
        "← and → move a cursor that reads all figures of a step; so does the mouse. ctrl with ↑ ↓ "
        "or the wheel zooms, shift with ← → or dragging moves along. Click the words of an axis "
        "to change it."
    ),
    actions.NAMES: (
        "Made by the model as it is at the step on the left. ✦ marks a name that is not in the "
        "data: the model made it up. Milestones stay, so that the noise of step 0 can be seen "
        "beside what was learned."
    ),
    actions.LADDER: (
        "C climbs from everything off to everything on and measures each rung while the training "
        "pauses."
    ),
    actions.LABS: (
        "P asks a question about an optimization, takes your guess, measures it here and says why. "
        "The training pauses meanwhile; e writes the results of the sitting, to be handed in."
    ),
    actions.RACE: (
        "Contestants train in slices, each on its own clock, from the same weights on the same "
        "data; † marks another model. V opens it, and the training pauses meanwhile. A letter "
        "stands at the end of each line and where it passes the threshold. m measures the loss "
        "within one second, and a step here against a GPU's launches."
    ),
    actions.RUNS: (
        "Every run is recorded, so q loses nothing: H lists them all, the "
        "training goes on meanwhile, and enter goes on with a run where it stopped. Ticked runs "
        "lie over the chart in a colour and with a mark of their own, and the settings in which "
        "they differ stand next to it."
    ),
    actions.SWEEP: (
        "S trains many short runs over a space of settings while the training pauses. The map has "
        "the best figure of each place, ▶ where one is at work; the front has the lowest held-out "
        "loss after so many seconds. Every run is in the store, and the study goes on by its name."
    ),
    actions.PROGRAM: "Tab and shift+tab move between the panes; ctrl+p finds every action by name.",
}


class Help(Dialog[None]):
    """Scrolls; escape, q or ? closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,question_mark", "close", "close"),
        ("j", "scroll(1)", "down"),
        ("k", "scroll(-1)", "up"),
    ]

    def __init__(self, of: Iterable[str] = ABOUT, toggles: tuple[Toggle, ...] = ()) -> None:
        """of: the groups of actions that are told; toggles: those that are explained as well."""
        super().__init__()
        self._of, self._toggles = of, toggles

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "help"
            dialog.border_subtitle = "↑ ↓ scroll   esc closes"
            for name in self._of:
                yield Static(_section(name, ABOUT[name]))
                if name == actions.TOGGLES:
                    for toggle in self._toggles:
                        yield Static(_reason(toggle))

    def action_close(self) -> None:
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _section(name: str, about: str) -> Content:
    parts: list[Part] = [(name, "bold $primary"), "\n", about]
    for action in group(name):
        parts += ["\n", (f"  {action.shown_key:>5}  ", "bold $primary"), action.title]
    return Content.assemble(*parts)


def _reason(toggle: Toggle) -> Content:
    gain = m5_gain(toggle)
    author = f" On an Apple M5 it saved {gain:.0f} % of EEmicroGPT's step." if gain else ""
    blocked = f"\nNot here: {toggle.blocked}" if toggle.blocked else ""
    return Content.assemble(
        (f"{toggle.hotkey}  {toggle.name}", "bold"),
        (f"   {PROMISES[toggle.kind]}", MUTED),
        f"\n{toggle.what} {why(toggle)}{author}",
        (blocked, "$text-warning"),
    )
