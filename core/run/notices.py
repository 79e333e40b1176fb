"""Notices of a session: sentences that are to be shown once."""

from __future__ import annotations

from eetui.core.run.snapshot import Notice, Severity


class Notices:
    """The latest notice; each has a higher serial than the one before."""

    def __init__(self) -> None:
        self.latest: Notice | None = None

    def tell(self, text: str, severity: Severity = "information") -> None:
        """Leave a notice to be shown once."""
        serial = self.latest.serial + 1 if self.latest else 1
        self.latest = Notice(serial, text, severity)

    def add(self, text: str, since: Notice | None) -> None:
        """Leave a notice, together with what was told after `since`."""
        latest = self.latest
        if latest is None or latest is since:
            self.tell(text)
        else:
            self.tell(f"{latest.text} {text}", latest.severity)
