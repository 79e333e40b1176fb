"""A session running in a thread, and ways to wait until it shows something."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from eetui.core.run.session import Session
from eetui.core.run.snapshot import Snapshot

PATIENCE = 240.0
"""Seconds after which what a test waits for will not come. Wall time says more about what else the
machine does than about the program, so it is long, though less than any test may take."""


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
        """The first snapshot from now on (or the present one) for which `what` holds.

        None is missed, however late this thread wakes up.
        """
        with self._news:
            seen, found = len(self.snapshots), [s for s in (self.session.latest,) if what(s)]

            def met() -> bool:
                nonlocal seen
                new, seen = self.snapshots[seen:], len(self.snapshots)
                found.extend(s for s in new if what(s))
                return bool(found)

            assert self._news.wait_for(met, PATIENCE), f"never; last seen: {self.session.latest}"
        return found[0]

    def wait_for_end(self) -> Snapshot:
        """The last snapshot, once the session has stopped by itself."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.session.latest

    def close(self) -> None:
        self.session.close()
        self._thread.join(PATIENCE)
