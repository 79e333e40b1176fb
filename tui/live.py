"""What the screen asks of a session; `eetui.core.run.session.Session` has all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eetui.core.engines.subject import Subject
from eetui.core.run.commands import Command
from eetui.core.run.snapshot import Snapshot


class LiveSession(Protocol):
    """`submit` returns at once; `run` blocks until `close`."""

    @property
    def latest(self) -> Snapshot: ...

    @property
    def subject(self) -> Subject: ...

    def run(
        self,
        publish: Callable[[Snapshot], None] | None = None,
        observe: Callable[[int, NDArray[np.float32]], None] | None = None,
    ) -> None: ...

    def submit(self, command: Command) -> None: ...

    def close(self) -> None: ...
