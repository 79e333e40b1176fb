"""The head of the ladder screen: what is climbed, the progress, and the state of the training."""

from __future__ import annotations

from textual import events

from eetui.core.measure.ladder import Ladder
from eetui.core.run.snapshot import Snapshot, Status
from eetui.tui import figures
from eetui.tui.widgets.pane import MUTED, LinesPane, Part, line

TITLE = "the ladder   "


class LadderHead(LinesPane):
    """Two rows: words and a bar."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._last: tuple[Ladder, Snapshot] | None = None

    def update(self, ladder: Ladder, training: Snapshot) -> None:
        """Show a climb; training is the run that waits for its end."""
        self._last = (ladder, training)
        width, model = self.content_size.width, ladder.model
        engine = f"{ladder.engine} {ladder.isa}"
        shape = f"d_model {model.d_model}, {model.n_heads} heads, batch {ladder.batch}"
        gap = " " * max(width - len(TITLE) - len(engine) - len(shape), 1)
        text = f"  {ladder.doing or f'{ladder.rounds} rounds done'}"
        if training.status is not Status.RUNNING:
            text += f"  training {training.status} at step {figures.count(training.step)}"
        room = max(width - len(text), 0)
        filled = round(ladder.progress * room)
        bar: list[Part] = [("━" * filled, "$primary"), ("─" * (room - filled), "$panel")]
        self.show(
            [
                line((TITLE, "bold $primary"), engine, gap, (shape, MUTED)),
                line(*bar, (text, MUTED)),
            ]
        )

    def on_resize(self, _event: events.Resize) -> None:
        if self._last is not None:
            self.update(*self._last)
