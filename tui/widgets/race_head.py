"""The head of the race screen: what is raced, the progress, and the state of the training."""

from __future__ import annotations

from textual import events

from eetui.core.race.league import League
from eetui.core.run.snapshot import Snapshot, Status
from eetui.tui import figures
from eetui.tui.widgets.pane import MUTED, LinesPane, Part, line

TITLE = "the race   "


class RaceHead(LinesPane):
    """Two rows: words and a bar."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._league: League | None = None
        self._training: Snapshot | None = None
        self._doing = ""
        self._progress = 0.0

    def update(
        self, league: League | None, training: Snapshot, doing: str, progress: float
    ) -> None:
        """Show a race; training is the run that waits for its end. progress: from 0 to 1."""
        self._league, self._training, self._doing, self._progress = (
            league,
            training,
            doing,
            progress,
        )
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        width, training = self.content_size.width, self._training
        if training is None or not width:
            return
        left, right = _about(self._league) if self._league else ("every way of training", "")
        gap = " " * max(width - len(TITLE) - len(left) - len(right), 1)
        text = f"  {self._doing}"
        if training.status is not Status.RUNNING:
            text += f"   training {training.status} at step {figures.count(training.step)}"
        room = max(width - len(text), 0)
        filled = round(self._progress * room)
        bar: list[Part] = [("━" * filled, "$primary"), ("─" * (room - filled), "$panel")]
        self.show(
            [line((TITLE, "bold $primary"), left, gap, (right, MUTED)), line(*bar, (text, MUTED))]
        )


def _about(league: League) -> tuple[str, str]:
    model, train, plan = league.model, league.train, league.plan
    length = "" if plan.seconds is None else f", {plan.seconds:g} s each"
    shape = f"d_model {model.d_model}, batch {train.batch}, {league.data}"
    return f"{len(league.standings)} contestants{length}", shape
