"""The status of a run and the ways from one status to another."""

from __future__ import annotations

import traceback

from eetui.core.errors import EetuiError, UsageError
from eetui.core.run.divergence import Chunk
from eetui.core.run.snapshot import Status
from eetui.core.run.trainer import Trainer


class Lifecycle:
    """Where a run stands, why, and what may come next.

    message, error: as in a snapshot. failure: what ended the run, or None.
    """

    def __init__(self, trainer: Trainer, *, paused: bool) -> None:
        self.status = Status.STARTING
        self.message = ""
        self.error = ""
        self.failure: Exception | None = None
        self._trainer = trainer
        self._start_as = Status.PAUSED if paused else Status.RUNNING

    @property
    def is_lost(self) -> bool:
        """Whether there is no going on from the present weights."""
        return self.status in (Status.DIVERGED, Status.FAILED)

    # -- getting ready ----------------------------------------------------------------------

    def start(self) -> None:
        """There is an engine: leave STARTING for what was to come after it."""
        if self.status is Status.STARTING:
            self.status = self._start_as

    def wait(self) -> None:
        """Wait for an engine, and then stand as now."""
        self._start_as, self.status = self.status, Status.STARTING

    def settle(self, status: Status) -> None:
        """Leave an ended run behind for one that can train."""
        self.error = ""
        self.message = ""
        self.failure = None
        self.status = status if self._trainer.engine is not None else Status.STARTING

    # -- what a person asks for -------------------------------------------------------------

    def pause(self) -> None:
        """Stop training between two chunks."""
        if self.status is Status.RUNNING:
            self.status = Status.PAUSED
        elif self.status is Status.STARTING:
            self._start_as = Status.PAUSED

    def resume(self) -> None:
        """Go on after a pause; raises `UsageError` for a run that cannot."""
        if self.status is Status.PAUSED:
            self.status = Status.RUNNING
        elif self.status is Status.STARTING:
            self._start_as = Status.RUNNING
        elif self.status is not Status.RUNNING:
            self._refuse()

    def toggle_pause(self) -> None:
        """Pause if running or about to, else resume."""
        running = self.status is Status.RUNNING
        waiting = self.status is Status.STARTING and self._start_as is Status.RUNNING
        if running or waiting:
            self.pause()
        else:
            self.resume()

    def stop_for_step(self) -> None:
        """Stand still for a single step; raises `UsageError` for a run that cannot take one."""
        if self.status is Status.RUNNING:
            self.status = Status.PAUSED
        if self.status is not Status.PAUSED:
            self._refuse()

    def _refuse(self) -> None:
        if self.status is Status.FINISHED:
            raise UsageError("The planned steps are done: go on to plan as many again.")
        if self.status is Status.DIVERGED:
            raise UsageError("The run has diverged: go back with half the rate, undo, or restart.")
        if self.status is Status.STARTING:
            raise UsageError("The engine is not ready yet: wait a moment.")
        raise UsageError("The trainer has stopped: restart it to train again.")

    # -- how a run ends ---------------------------------------------------------------------

    def trained(self, chunk: Chunk) -> None:
        """A chunk of steps was taken: the run may have diverged or be done."""
        if chunk.diverged_at is not None:
            self.status = Status.DIVERGED
            stopped = f"The loss {chunk.why} at step {chunk.diverged_at:,}"
            self.failure = EetuiError(f"{stopped}: lower the learning rate.")
            self.message = (
                f"{stopped}. Going back returns to step {self._trainer.good.step:,} with half the "
                "learning rate."
            )
        elif self._trainer.finished:
            self.finish()

    def finish(self) -> None:
        """The planned steps are done."""
        self.status = Status.FINISHED
        self.message = f"The plan of {self._trainer.train.steps:,} steps is done."

    def fail(self, error: Exception) -> None:
        """Stop after an error that is not the person's, and keep its traceback to be shown."""
        self.failure = error
        self.status = Status.FAILED
        self.message = f"The trainer stopped: {error}"
        self.error = "".join(traceback.format_exception(error))
