"""One line that speaks up when the run needs a word: compiling, finished, diverged, failed."""

from __future__ import annotations

from eetui.core.snapshot import Snapshot, Status
from eetui.tui.widgets.pane import LinesPane, Part, line

SWEEP = 12
NO_BREAK = "\xa0"

OFFERS: dict[Status, tuple[tuple[str, str], ...]] = {
    Status.FINISHED: (("g", "go on"), ("R", "start over"), ("s", "save")),
    Status.DIVERGED: (("u", "go back to the last good step"), ("R", "start over")),
    Status.FAILED: (("R", "start over"), ("q", "quit")),
}


class Banner(LinesPane):
    """Hidden while there is nothing to say; wraps between offers where the screen is narrow."""

    DEFAULT_CSS = """
    Banner { text-wrap: wrap; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._beat = 0

    def update(self, snapshot: Snapshot) -> None:
        """Say what the snapshot's status calls for."""
        self.display = bool(snapshot.message)
        for status in Status:
            self.set_class(snapshot.status is status, f"-{status}")
        if snapshot.message:
            self._beat += 1
            self.show([line(*self._parts(snapshot))])
            self.refresh(layout=True)

    def _parts(self, snapshot: Snapshot) -> list[Part]:
        offers = OFFERS.get(snapshot.status)
        if offers is None:
            return [*_progress(self._beat), f"  {snapshot.message}"]
        parts: list[Part] = [(f"{snapshot.message} ", "bold")]
        for key, word in offers:
            if key == "u" and not snapshot.can_rewind:
                continue
            whole = f" {word}".replace(" ", NO_BREAK)
            parts += ["  ", (f"{NO_BREAK}{key}{NO_BREAK}", "reverse"), whole]
        return parts


def _progress(beat: int) -> list[Part]:
    """A lit stretch that moves with every snapshot: work of unknown length is under way."""
    at = beat % SWEEP
    return [("━" * at, "$panel"), ("━━━", "$warning"), ("━" * (SWEEP - at), "$panel")]
