"""What speaks up when the run has ended: finished, diverged, failed."""

from __future__ import annotations

from eetui.core.run.snapshot import Snapshot, Status
from eetui.tui.widgets.pane import LinesPane, Part, line

NO_BREAK = "\xa0"

OFFERS: dict[Status, tuple[tuple[str, str], ...]] = {
    Status.FINISHED: (("g", "go on"), ("R", "start over"), ("s", "save")),
    Status.DIVERGED: (
        ("h", "go back"),
        ("u", "undo"),
        ("R", "start over"),
    ),
    Status.FAILED: (("R", "start over"), ("q", "quit")),
}


class Banner(LinesPane):
    """Hidden while there is nothing to say; wraps between offers where the screen is narrow."""

    DEFAULT_CSS = """
    Banner { text-wrap: wrap; }
    """

    def update(self, snapshot: Snapshot) -> None:
        """Say what the snapshot's status calls for."""
        offers = OFFERS.get(snapshot.status, ())
        self.display = bool(snapshot.message and offers)
        for status in OFFERS:
            self.set_class(snapshot.status is status, f"-{status}")
        if self.display:
            self.show([line(*_parts(snapshot, offers))])
            self.refresh(layout=True)


def _parts(snapshot: Snapshot, offers: tuple[tuple[str, str], ...]) -> list[Part]:
    parts: list[Part] = [(f"{snapshot.message} ", "bold")]
    for key, word in offers:
        if key == "h" and not snapshot.can_rewind:
            continue
        if key == "u":
            if not snapshot.undo:
                continue
            word = f"undo {snapshot.undo} there"
        whole = f" {word}".replace(" ", NO_BREAK)
        parts += ["  ", (f"{NO_BREAK}{key}{NO_BREAK}", "reverse"), whole]
    return parts
