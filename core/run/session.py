"""The live run: one thread that trains, a queue of commands into it, snapshots out of it.

The same session serves the screen, the command line and the tests. Its commands may be called
from any thread and return at once; they take effect between two chunks of steps.
"""

from __future__ import annotations

import math
import queue
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig, TrainConfig, default_n_heads
from eetui.core.data.batches import learning_rates
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.subject import Subject
from eetui.core.errors import EetuiError
from eetui.core.measure.climb import DEFAULT_ROUNDS, climb
from eetui.core.measure.ladder import Ladder
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Value
from eetui.core.run.controller import Controller
from eetui.core.run.namestream import NameStream
from eetui.core.run.snapshot import Snapshot, Status
from eetui.core.run.toggles import toggle_views
from eetui.core.run.trainer import Chunk

if TYPE_CHECKING:
    from eetui.core.race.race import Race
    from eetui.core.race.studies.measures import Measures

SECONDS_BETWEEN_SNAPSHOTS = 0.05
ENDED = (Status.FINISHED, Status.DIVERGED, Status.FAILED)

Publish = Callable[[Snapshot], None]
Observe = Callable[[int, NDArray[np.float32]], None]


class Session:
    """A run that can be watched and changed while it trains.

    assignments are toggles such as 'padding_skip=off', applied to the engine's best. While an
    engine that compiles gets ready, the NumPy engine trains in its place if `stand_in`, else the
    session waits. `stop_at_plan` ends `run` when the planned steps are done or cannot be;
    `failure` then holds what went wrong, or None. `measure_peak` times the core's FMA
    peak beside the first steps, for the per cent of it that a snapshot tells.
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
    ) -> None:
        self._commands: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._stop_at_plan = stop_at_plan
        self._closing = False
        self._publish_at = 0.0
        self._publish: Publish | None = None
        self._observe: Observe | None = None
        names = NameStream(temperature, prefix)
        self._controller = Controller(
            dataset,
            model,
            train,
            self._commands.put,
            engine or registry.default(),
            assignments,
            state,
            names,
            paused,
            stand_in,
            measure_peak,
        )
        self.latest = self._snapshot()

    @property
    def failure(self) -> Exception | None:
        """The error that ended the run, or None."""
        runner = self._controller
        if runner.failure is None and runner.status is Status.DIVERGED:
            return EetuiError(f"{runner.message} Lower the learning rate.")
        return runner.failure

    @property
    def state(self) -> TrainState:
        """The live state; only to be read after `run` has returned."""
        return self._controller.trainer.state

    @property
    def good_state(self) -> TrainState:
        """The live state, or the last good one where a number in it is not finite."""
        trainer = self._controller.trainer
        return trainer.state if trainer.state.is_finite else trainer.good

    def run(self, publish: Publish | None = None, observe: Observe | None = None) -> None:
        """Train until closed; blocks, so call it from a thread of its own.

        publish gets a snapshot at most about 20 times a second; observe gets (first step, losses)
        after every chunk, every step exactly once. Both are called from this thread.
        """
        self._publish, self._observe = publish, observe
        runner = self._controller
        runner.begin()
        while not self._closing and not (self._stop_at_plan and runner.status in ENDED):
            self._take_commands()
            if runner.status is Status.RUNNING and monotonic() >= runner.rest_until:
                self._tell_observer(runner.advance())
            if monotonic() >= self._publish_at:
                self._publish_now()
        if self._closing:
            runner.status = Status.CLOSED
        self._publish_now()

    def _take_commands(self) -> None:
        """Carry out what was asked; with nothing to train, sleep until something is."""
        runner = self._controller
        try:
            if runner.status is Status.RUNNING:
                rest = runner.rest_until - monotonic()
                self._carry_out(self._commands.get(rest > 0, max(rest, 0.0)))
            else:
                self._publish_now()
                self._carry_out(self._commands.get())
            while not self._closing:
                self._carry_out(self._commands.get_nowait())
        except queue.Empty:
            return

    def _carry_out(self, command: Callable[[], object]) -> None:
        try:
            command()
        except EetuiError as error:
            self._controller.tell(str(error), "error")
        except Exception as error:  # a fault of the program: shown, and the screen stays alive
            self._controller.fail(error)
        self._publish_at = 0.0

    def _tell_observer(self, chunk: Chunk | None) -> None:
        if self._observe and chunk is not None and len(chunk.losses):
            self._observe(chunk.first_step, chunk.losses)

    # -- commands ---------------------------------------------------------------------------

    def pause(self) -> None:
        """Stop between two chunks."""
        self._commands.put(self._controller.pause)

    def resume(self) -> None:
        """Go on after a pause."""
        self._commands.put(self._controller.resume)

    def toggle_pause(self) -> None:
        """Pause if running, else resume."""
        self._commands.put(self._controller.toggle_pause)

    def single_step(self) -> None:
        """Pause, and take exactly one step."""
        self._commands.put(lambda: self._tell_observer(self._controller.single_step()))

    def go_on(self, steps: int | None = None) -> None:
        """Extend the plan by `steps` (as many as were planned, by default) and go on."""
        self._commands.put(lambda: self._controller.go_on(steps))

    def rewind(self) -> None:
        """Go back to the last good state, with half the learning rate, paused."""
        self._commands.put(self._controller.rewind)

    def restart(self, model: ModelConfig | None = None, train: TrainConfig | None = None) -> None:
        """Begin a new run, with another model or training configuration if given."""
        self._commands.put(lambda: self._controller.restart(model, train))

    def set_learning_rate(self, rate: float) -> None:
        """Change the learning rate from which the schedule decays."""
        self._retune("learning_rate", f"lr {rate:g}", learning_rate=rate)

    def scale_learning_rate(self, up: bool) -> None:
        """Raise or lower the learning rate by a quarter of it."""
        self._commands.put(lambda: self._controller.scale_learning_rate(up))

    def set_batch(self, batch: int) -> None:
        """Change the documents a step."""
        self._retune("batch", f"batch {batch}", batch=batch)

    def set_planned_steps(self, steps: int) -> None:
        """Change the plan over which the learning rate decays."""
        self._retune("steps", f"plan {steps:,}", steps=steps)

    def _retune(self, key: str, label: str, **changes: float) -> None:
        self._commands.put(lambda: self._controller.retune(key, label, **changes))

    def scale_batch(self, up: bool) -> None:
        """Double or halve the documents a step."""
        self._commands.put(lambda: self._controller.scale_batch(up))

    def set_optimization(self, key: str, value: Value) -> None:
        """Set a toggle; the reason why it cannot be set comes as a notice."""
        self._commands.put(lambda: self._controller.set_optimization(key, value))

    def cycle_optimization(self, key: str) -> None:
        """Set a toggle to its next value possible here."""
        self._commands.put(lambda: self._controller.cycle_optimization(key))

    def set_temperature(self, temperature: float) -> None:
        """Change the temperature of the generated names."""
        self._commands.put(lambda: self._controller.set_names(temperature=temperature))

    def change_temperature(self, up: bool) -> None:
        """Raise or lower the temperature by a tenth, within 0.1 to 2."""
        self._commands.put(lambda: self._controller.change_temperature(up))

    def set_prefix(self, prefix: str) -> None:
        """Change the beginning of the generated names."""
        self._commands.put(lambda: self._controller.set_names(prefix=prefix))

    def save(self, path: str | Path) -> None:
        """Write a checkpoint; success or failure comes as a notice."""
        self._commands.put(lambda: self._controller.save(Path(path)))

    def load(self, path: str | Path) -> None:
        """Continue from a checkpoint, paused; a file that does not fit comes as a notice."""
        self._commands.put(lambda: self._controller.load(Path(path)))

    def close(self) -> None:
        """End the run; `run` returns soon after."""
        self._commands.put(lambda: setattr(self, "_closing", True))

    # -- the ladder -------------------------------------------------------------------------

    def climb(self, rounds: int = DEFAULT_ROUNDS, *, ablate: bool = False) -> Iterator[Ladder]:
        """Measure the ladder of this engine, model and batch; weights and toggles stay as they are.

        ablate: also take each toggle away from everything on.

        To be iterated in a thread of its own while the training pauses, since both would share a
        core. Raises `UsageError` until the engine is ready.
        """
        trainer = self._controller.trainer
        name = self._controller.chosen_engine().name
        return climb(
            Subject(trainer.dataset, trainer.model, trainer.train, name),
            rounds=rounds,
            ablate=ablate,
        )

    # -- the race ---------------------------------------------------------------------------

    def race(self, d_model: int, names: Sequence[str] | None = None) -> Race:
        """A race on this run's data, of its model at another width; the run stays as it is.

        names: the contestants, all but those on a GPU by default. To be run in a thread of its own
        while the training pauses. Raises `UsageError` for a width or a name that cannot be.
        """
        from eetui.core.race.lane import RacePlan  # 25 ms that a start need not wait for
        from eetui.core.race.race import Race
        from eetui.core.race.roster import line_up
        from eetui.core.race.tasks import DEFAULT_SECONDS, make_task

        trainer = self._controller.trainer
        model = replace(trainer.model, d_model=d_model, n_heads=default_n_heads(d_model))
        task = make_task("equal", trainer.dataset, model, seed=trainer.train.seed)
        return Race(task, line_up(names), RacePlan(DEFAULT_SECONDS))

    def measure(self) -> Iterator[Measures]:
        """Measure the loss within one second and the killer microsecond on this run's data."""
        from eetui.core.race.studies.measures import measure

        trainer = self._controller.trainer
        return measure(trainer.dataset, trainer.train.seed)

    # -- snapshots --------------------------------------------------------------------------

    def _publish_now(self) -> None:
        self.latest = self._snapshot()
        self._publish_at = monotonic() + SECONDS_BETWEEN_SNAPSHOTS
        if self._publish:
            self._publish(self.latest)

    def _snapshot(self) -> Snapshot:
        runner, trainer = self._controller, self._controller.trainer
        engine, history, train, step = (
            trainer.engine,
            trainer.history,
            trainer.train,
            trainer.state.step,
        )
        us = history.us_per_step
        gflops = trainer.nominal_flops / us / 1e3 if us else None
        peak = runner.peak_gflops
        waiting = f"The {runner.engine_name} engine is not ready yet."
        return Snapshot(
            status=runner.status,
            message=runner.message,
            error=runner.error,
            engine=engine.name if engine else runner.engine_name,
            instruction_set=engine.instruction_set(trainer.optimizations) if engine else "",
            model=trainer.model,
            train=train,
            optimizations=trainer.optimizations,
            data_name=trainer.dataset.name,
            n_documents=trainer.dataset.n_docs,
            n_params=trainer.model.n_params,
            chance_loss=math.log(trainer.model.vocab_size),
            step=step,
            loss=history.loss,
            learning_rate=float(learning_rates(train, step, 1)[0]),
            seconds=history.seconds,
            us_per_step=us,
            samples_per_second=train.batch * 1e6 / us if us else None,
            gflops=gflops,
            percent_of_peak=100 * gflops / peak if gflops and peak else None,
            peak_gflops=peak,
            toggles=toggle_views(
                runner.engine,
                trainer.optimizations,
                runner.wanted,
                train.batch,
                trainer.effects,
                waiting,
            ),
            curve=history.curve(),
            events=tuple(trainer.events),
            names=trainer.names.latest,
            milestones=trainer.names.milestones,
            statistics=trainer.names.statistics,
            temperature=trainer.names.temperature,
            prefix=trainer.names.prefix,
            can_rewind=trainer.good.step < step,
            rewind_step=trainer.good.step,
            notice=runner.notice,
            held_out=trainer.held_out.track.curve(),
            why_none_held_out=trainer.dataset.why_none_held_out,
        )
