"""Going on elsewhere: a new run, a file, the last good step, or another moment of the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.errors import UsageError
from eetui.core.files import named
from eetui.core.run import checkpoint
from eetui.core.run.commands import SetLearningRate
from eetui.core.run.engine_choice import EngineChoice
from eetui.core.run.lifecycle import Lifecycle
from eetui.core.run.notices import Notices
from eetui.core.run.past import Past
from eetui.core.run.snapshot import Status
from eetui.core.run.trainer import Trainer
from eetui.core.run.tuner import Tuner
from eetui.core.run.undo import Jumped, UndoStack
from eetui.core.text import visible


class Jumps:
    """Takes a run to other weights; where it was is remembered by the undo stack."""

    def __init__(
        self,
        trainer: Trainer,
        lifecycle: Lifecycle,
        choice: EngineChoice,
        tuner: Tuner,
        undo_stack: UndoStack,
        notices: Notices,
    ) -> None:
        self._trainer, self._lifecycle, self._choice = trainer, lifecycle, choice
        self._tuner, self._undo_stack, self._notices = tuner, undo_stack, notices

    def restart(self, model: ModelConfig, train: TrainConfig) -> None:
        """Begin a new run from fresh weights."""
        is_same = (model, train) == (self._trainer.model, self._trainer.train)
        self._leave("start over" if is_same else f"new run, d_model {model.d_model}")
        self._trainer.restart(model, train)
        self._tuner.planned = train.steps
        self._lifecycle.settle(Status.RUNNING)
        self._choice.suit_model()

    def load(self, path: Path) -> None:
        """Continue from a checkpoint."""
        trainer, loaded = self._trainer, checkpoint.load(path)
        loaded.require_vocabulary(trainer.dataset.vocabulary, trainer.dataset.name)
        self._leave(f"open {visible(path.name)}")
        trainer.load(named(path).absolute(), loaded)
        self._tuner.planned = loaded.train.steps
        self._lifecycle.settle(Status.FINISHED if trainer.finished else Status.PAUSED)
        self._choice.suit_model()
        self._notices.tell(f"At step {loaded.state.step:,} of {visible(str(path))}.")

    def rewind(self, step: int | None) -> None:
        """Return to the last good step with half the learning rate, and wait there."""
        kept = self._trainer.good.step
        if step not in (None, kept):
            raise UsageError(f"The weights of step {step:,} were not kept: go back to {kept:,}.")
        half = SetLearningRate(self._trainer.train.learning_rate / 2)
        if self._lifecycle.is_lost:
            self._trainer.go_back()
            self._tuner.tune(half)
        else:
            self._leave(f"back to step {kept:,}, half the rate")
            self._trainer.go_back()
            self._tuner.apply(half)
        self._lifecycle.settle(Status.PAUSED)
        self._notices.tell(f"Back at step {kept:,} with the learning rate halved to {half.rate:g}.")

    def branch(self, entries: int, step: int) -> None:
        """Go on from a moment of this run, when the log had so many entries."""
        here = self._trainer.past
        self.go_to(replace(here, entries=entries, step=step))
        self._undo_stack.did(Jumped(f"branch at step {step:,}", here))

    def go_to(self, there: Past) -> None:
        """Go on from another moment of the run, running if the run did."""
        self._trainer.branch(there)
        self._choice.adopt()
        running = self._lifecycle.status is Status.RUNNING
        self._lifecycle.settle(Status.RUNNING if running else Status.PAUSED)
        if self._trainer.finished:
            self._lifecycle.finish()
        self._choice.suit_model()

    def _leave(self, label: str) -> None:
        """Remember where the run is; one that is lost goes back to its last good step first."""
        if self._lifecycle.is_lost:
            self._trainer.go_back()
        self._undo_stack.did(Jumped(label, self._trainer.past))
