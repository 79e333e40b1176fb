"""Changing the batch, the learning rate and the plan of a run."""

from __future__ import annotations

from eetui.core.config import MAX_BATCH, TrainConfig
from eetui.core.errors import UsageError
from eetui.core.run.commands import SetBatch, SetLearningRate, SetSteps, Tuning
from eetui.core.run.lifecycle import Lifecycle
from eetui.core.run.snapshot import Status
from eetui.core.run.trainer import Trainer
from eetui.core.run.undo import Tuned, UndoStack

RATE_FACTOR = 1.25


class Tuner:
    """Sets them, remembers how to take that back, and lets a longer plan go on.

    planned: the steps of the run as it was begun.
    """

    def __init__(self, trainer: Trainer, lifecycle: Lifecycle, undo_stack: UndoStack) -> None:
        self.planned = trainer.train.steps
        self._trainer, self._lifecycle, self._undo_stack = trainer, lifecycle, undo_stack

    def tune(self, change: Tuning) -> None:
        """Make a change that can be taken back."""
        done = _tuned(self._trainer.train, change)
        self.apply(change)
        if done.before != done.after:
            self._undo_stack.did(done)

    def apply(self, change: Tuning) -> None:
        """Make a change that is a part of another one, or that takes one back."""
        self._trainer.tune(change)
        finished, status = self._trainer.finished, self._lifecycle.status
        if finished and status in (Status.RUNNING, Status.PAUSED):
            self._lifecycle.finish()
        elif not finished and status is Status.FINISHED:
            self._lifecycle.settle(Status.RUNNING)

    def scale_batch(self, up: bool) -> None:
        """Double or halve the batch."""
        batch = self._trainer.train.batch
        scaled = batch * 2 if up else batch // 2
        if not 1 <= scaled <= MAX_BATCH:
            raise UsageError(f"The batch size stays between 1 and {MAX_BATCH}.")
        self.tune(SetBatch(scaled))

    def scale_rate(self, up: bool) -> None:
        """Raise or lower the learning rate by a quarter of the lower one."""
        rate = self._trainer.train.learning_rate
        self.tune(SetLearningRate(rate * RATE_FACTOR if up else rate / RATE_FACTOR))

    def extend(self, steps: int | None) -> None:
        """Plan so many steps more, or as many as the run was begun with."""
        self.tune(SetSteps(self._trainer.train.steps + (steps or self.planned)))


def _tuned(train: TrainConfig, change: Tuning) -> Tuned:
    """What takes this change back, and its name."""
    match change:
        case SetBatch(batch):
            return Tuned(f"batch {batch}", SetBatch(train.batch), change)
        case SetLearningRate(rate):
            return Tuned(f"lr {rate:.3g}", SetLearningRate(train.learning_rate), change)
        case SetSteps(steps):
            return Tuned(f"plan {steps:,}", SetSteps(train.steps), change)
