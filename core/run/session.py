"""The live run: one thread that trains, a queue of commands into it, snapshots out of it.

The same session serves the screen, the command line and the tests. Its commands may be called
from any thread and return at once; they take effect between two chunks of steps.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.subject import Subject
from eetui.core.errors import EetuiError
from eetui.core.model.state import TrainState
from eetui.core.run.checkpoint import Checkpoint
from eetui.core.run.commands import Command
from eetui.core.run.controller import Controller
from eetui.core.run.divergence import Chunk
from eetui.core.run.effects import Measure
from eetui.core.run.first_tuning import Tune
from eetui.core.run.listeners import GiveWay, Observe, Publish
from eetui.core.run.log import Log
from eetui.core.run.namestream import NameStream
from eetui.core.run.picturing import snapshot_of
from eetui.core.run.snapshot import Snapshot, Status

SECONDS_BETWEEN_SNAPSHOTS = 0.05
NOW = 0.0
"""When the next snapshot is due after something was asked for."""
ENDED = (Status.FINISHED, Status.DIVERGED, Status.FAILED)


class Session:
    """A run that can be watched and changed while it trains.

    assignments are toggles such as 'padding_skip=off', applied to the engine's best. While an
    engine that compiles gets ready, the NumPy engine trains in its place if `stand_in`, else the
    session waits. `stop_at_plan` ends `run` when the planned steps are done or cannot be;
    `failure` then holds what went wrong, or None. `measure_peak` times the core's FMA
    peak during the first steps, for the per cent of it that a snapshot tells. `measure` compares
    two settings, after every flip if `measure_flips`, and where a command asks for it.
    `tune` finds the fastest toggles beside the training where none are known of this machine.
    `seconds` of training end the run in place of the steps of `train`: its plan follows the pace.
    """

    def __init__(
        self,
        dataset: Dataset,
        model: ModelConfig,
        train: TrainConfig,
        *,
        engine: str | None = None,
        assignments: Sequence[str] = (),
        state: TrainState | None = None,
        temperature: float = 0.5,
        prefix: str = "",
        paused: bool = False,
        stop_at_plan: bool = False,
        stand_in: bool = True,
        measure_peak: bool = True,
        measure: Measure | None = None,
        measure_flips: bool = True,
        tune: Tune | None = None,
        seconds: float | None = None,
    ) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._stop_at_plan = stop_at_plan
        self._closing = False
        self._publish_at = NOW
        self._publish: Publish | None = None
        self._observe: Observe | None = None
        self._controller = Controller(
            dataset=dataset,
            model=model,
            train=train,
            post=self._tasks.put,
            engine=engine or registry.default(),
            assignments=assignments,
            state=state,
            names=NameStream(temperature, prefix),
            paused=paused,
            stand_in=stand_in,
            measure_peak=measure_peak,
            measure=measure,
            tune=tune,
            automatic=measure_flips,
            seconds=seconds,
        )
        self.latest = self._snapshot()

    @property
    def failure(self) -> Exception | None:
        """The error that ended the run, or None."""
        return self._controller.lifecycle.failure

    @property
    def state(self) -> TrainState:
        """The live state; only to be read after `run` has returned."""
        return self._controller.trainer.state

    @property
    def checkpoint(self) -> Checkpoint:
        """What a file needs to continue the run; only to be read after `run` has returned.

        Its state is the last good one where a number of the live one is not finite.
        """
        trainer = self._controller.trainer
        made = trainer.checkpoint
        return made if made.state.is_finite else replace(made, state=trainer.good)

    @property
    def subject(self) -> Subject:
        """What is trained now, for a measurement while the training pauses."""
        now = self.latest
        return Subject(self._controller.trainer.dataset, now.model, now.train, now.engine)

    @property
    def log(self) -> Log:
        """All that happened; only to be read after `run` has returned."""
        return self._controller.trainer.log

    def run(
        self,
        publish: Publish | None = None,
        observe: Observe | None = None,
        give_way: GiveWay | None = None,
    ) -> None:
        """Train until closed; blocks, so call it from a thread of its own.

        publish gets a snapshot at most about 20 times a second; observe gets (first step, losses)
        after every chunk, every step exactly once. Both are called from this thread.
        give_way is called before every piece of work, which are shorter with it: it may rest for
        something that is more urgent.
        """
        self._publish, self._observe = publish, observe
        controller, lifecycle = self._controller, self._controller.lifecycle
        controller.give_way(give_way)
        controller.begin()
        while not self._closing and not (self._stop_at_plan and lifecycle.status in ENDED):
            self._take_tasks()
            if self._publish_at == NOW:  # an answer does not wait for the next chunk
                self._publish_now()
            if ghost := controller.ghost_turns.due:
                controller.ghost_turns.take(ghost)
            elif lifecycle.status is Status.RUNNING and not controller.rest:
                self._tell_observer(controller.advance())
            if controller.is_measuring:
                controller.measure()
            if monotonic() >= self._publish_at:
                self._publish_now()
        if self._closing:
            lifecycle.status = Status.CLOSED
        self._publish_now()

    def _take_tasks(self) -> None:
        """Carry out what was asked; with nothing to train, sleep until something is."""
        controller = self._controller
        try:
            if controller.is_measuring or controller.ghost_turns.due:
                self._carry_out(self._tasks.get_nowait())
            elif controller.lifecycle.status is Status.RUNNING:
                rest = controller.rest
                self._carry_out(self._tasks.get(rest > 0, rest))
            else:
                self._publish_now()
                self._carry_out(self._tasks.get())
            while not self._closing:
                self._carry_out(self._tasks.get_nowait())
        except queue.Empty:
            return

    def _carry_out(self, task: Callable[[], object]) -> None:
        try:
            task()
        except EetuiError as error:
            self._controller.notices.tell(str(error), "error")
        except Exception as error:  # a fault of the program: shown, and the screen stays alive
            self._controller.lifecycle.fail(error)
        self._publish_at = NOW

    def _tell_observer(self, chunk: Chunk | None) -> None:
        if self._observe and chunk is not None and len(chunk.losses):
            self._observe(chunk.first_step, chunk.losses)

    def submit(self, command: Command) -> None:
        """Carry out a command between two chunks; what is wrong with it then comes as a notice.

        What could never be done, such as a batch of no documents, is refused where the command is
        made.
        """
        self._tasks.put(lambda: self._tell_observer(self._controller.execute(command)))

    def close(self) -> None:
        """End the run; `run` returns soon after."""
        self._tasks.put(lambda: setattr(self, "_closing", True))

    # -- snapshots --------------------------------------------------------------------------

    def _snapshot(self) -> Snapshot:
        return snapshot_of(self._controller.trainer, self._controller.situation)

    def _publish_now(self) -> None:
        self.latest = self._snapshot()
        self._publish_at = monotonic() + SECONDS_BETWEEN_SNAPSHOTS
        if self._publish:
            self._publish(self.latest)
