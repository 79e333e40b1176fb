"""A session running in a thread, and ways to wait until it shows something."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from eetui.core.run.session import Session
from eetui.core.run.snapshot import Snapshot

PATIENCE = 30.0


class Live:
    """A session, everything it published and every loss it told of."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.snapshots: list[Snapshot] = []
        self.losses: dict[int, float] = {}
        self._news = threading.Condition()
        self._thread = threading.Thread(target=session.run, args=(self._seen, self._told))
        self._thread.start()

    def _seen(self, snapshot: Snapshot) -> None:
        with self._news:
            self.snapshots.append(snapshot)
            self._news.notify_all()

    def _told(self, first_step: int, losses: np.ndarray) -> None:
        for step, loss in enumerate(losses.tolist(), first_step):
            self.losses.setdefault(step, loss)

    def wait_for(self, what: Callable[[Snapshot], object]) -> Snapshot:
        """The first snapshot from now on (or the present one) for which `what` holds."""
        with self._news:
            met = self._news.wait_for(lambda: what(self.session.latest), PATIENCE)
        assert met, f"never happened; last seen: {self.session.latest}"
        return self.session.latest

    def wait_for_end(self) -> Snapshot:
        """The last snapshot, once the session has stopped by itself."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.session.latest

    def close(self) -> None:
        self.session.close()
        self._thread.join(PATIENCE)
