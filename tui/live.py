"""What the screen asks of a session; `eetui.core.run.session.Session` has all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from eetui.core.engines.subject import Subject
from eetui.core.run.commands import Command
from eetui.core.run.listeners import GiveWay, Losses, Observe, Publish
from eetui.core.run.snapshot import Snapshot


class LiveSession(Protocol):
    """`submit` returns at once; `run` blocks until `close`."""

    @property
    def latest(self) -> Snapshot: ...

    @property
    def subject(self) -> Subject: ...

    def run(
        self,
        publish: Publish | None = None,
        observe: Observe | None = None,
        give_way: GiveWay | None = None,
    ) -> None: ...

    def submit(self, command: Command) -> None: ...

    def close(self) -> None: ...


class Recording(Protocol):
    """What writes a session down: it stands between the session and whoever it publishes to.

    path: the store's file. current: the id of the run that is being written, once there is one.
    """

    @property
    def path(self) -> Path: ...

    @property
    def current(self) -> str | None: ...

    def watching(self, publish: Publish | None = None) -> Publish: ...

    def observe(self, first_step: int, losses: Losses) -> None: ...
