"""What a session does when asked: the states of a run and the ways between them.

Single-threaded; `core/run/session.py` calls it from the one thread that trains.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from eetui.core.config import MAX_BATCH, ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines import peak, registry
from eetui.core.engines.availability import (
    Availability,
    automatic,
    choose_optimizations,
    judge,
)
from eetui.core.engines.base import Engine
from eetui.core.errors import EetuiError, UsageError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations, Value, assigned, find_optimization
from eetui.core.run import checkpoint
from eetui.core.run.namestream import NameStream
from eetui.core.run.preparation import Preparation
from eetui.core.run.snapshot import Notice, Severity, Status
from eetui.core.run.trainer import Chunk, Trainer

STAND_IN_REST = 9.0
"""Rest of the stand-in engine after a chunk, in chunks: both it and the compiler need the GIL."""

RATE_FACTOR = 1.25
TEMPERATURES = (0.1, 2.0)

Post = Callable[[Callable[[], None]], None]


class Controller:
    """A run with its status; `post` hands work from other threads to the one that trains."""

    def __init__(
        self,
        dataset: Dataset,
        model: ModelConfig,
        train: TrainConfig,
        post: Post,
        engine: str,
        assignments: Sequence[str],
        state: TrainState | None,
        names: NameStream,
        paused: bool,
        stand_in: bool,
        measure_peak: bool,
    ) -> None:
        self.post = post
        self.engine_name = engine
        self.engine: Engine | None = None
        self.assignments = tuple(assignments)
        self._told: set[str] = set()
        self.chosen = frozenset(assigned(self.assignments))
        self.preparation: Preparation | None = None
        self.status = Status.STARTING
        self.message = ""
        self.error = ""
        self.failure: Exception | None = None
        self.notice: Notice | None = None
        self.peak_gflops: float | None = None
        self.rest_until = 0.0
        self._start_as = Status.PAUSED if paused else Status.RUNNING
        self._planned = train.steps
        self._wants_peak = measure_peak
        substitute = registry.create("numpy") if stand_in and engine != "numpy" else None
        first = substitute.default_optimizations() if substitute else Optimizations()
        self.trainer = Trainer(dataset, model, train, substitute, first, names, state)
        self.wanted = first

    # -- getting ready ----------------------------------------------------------------------

    @property
    def standing_in(self) -> bool:
        """Whether another engine trains while the chosen one gets ready."""
        engine = self.trainer.engine
        return engine is not None and engine.name != self.engine_name

    def begin(self) -> None:
        """Start to get the engine ready; train in the meantime if another one can stand in."""
        self._prepare(
            lambda engine: choose_optimizations(engine, self.trainer.model, self.assignments),
            "engine",
        )
        if self.trainer.engine is not None:
            self.status = self._start_as
        self._tell_if_none_held_out()

    def _tell_if_none_held_out(self) -> None:
        if why := self.trainer.dataset.why_none_held_out:
            self.tell(why)

    def _prepare(self, choose: Callable[[Engine], Optimizations], key: str) -> None:
        self.message = f"Preparing the {self.engine_name} engine ..."
        self.preparation = Preparation(
            self.engine_name,
            self.engine,
            self.trainer.model,
            choose,
            lambda text: self.post(lambda: self._progress(text)),
            lambda done: self.post(lambda: self._prepared(done, key)),
        )

    def _progress(self, text: str) -> None:
        if self.preparation is not None:
            self.message = text

    def _prepared(self, done: Preparation, key: str) -> None:
        if done is not self.preparation:
            return  # something else has been asked for since
        self.preparation = None
        self.message = ""
        if done.error is not None:
            self._preparation_failed(done.error)
            return
        assert done.engine is not None
        assert done.optimizations is not None
        if self.engine is None:
            self.engine = done.engine
            if self._wants_peak:
                self._measure_peak(done.engine)
        self.wanted = done.optimizations
        self._switch(key)
        if self.status is Status.STARTING:
            self.status = self._start_as

    def _preparation_failed(self, error: Exception) -> None:
        self.wanted = self.trainer.optimizations
        if self.trainer.engine is None:
            self.fail(error)
        else:
            running = self.trainer.engine.name
            self.tell(f"{error} Training goes on with the {running} engine.", "error")

    def _measure_peak(self, engine: Engine) -> None:
        def measure() -> None:
            try:
                gflops = peak.measure(engine)
            except EetuiError as error:
                reason = str(error)
                self.post(lambda: self.tell(reason, "warning"))
            else:
                self.post(lambda: setattr(self, "peak_gflops", gflops))

        threading.Thread(target=measure, name="eetui-peak", daemon=True).start()

    def _switch(self, key: str) -> None:
        assert self.engine is not None
        label = self.engine.name
        if key != "engine":
            entry = find_optimization(key)
            label = f"{entry.name} {entry.label(getattr(self.wanted, key))}"
        self.trainer.switch(self.engine, self.wanted, key, label)
        self.rest_until = 0.0

    # -- training ---------------------------------------------------------------------------

    def advance(self, at_most: int | None = None) -> Chunk | None:
        """Run one chunk; None if the engine failed. The status says how it ended."""
        started = monotonic()
        try:
            chunk = self.trainer.advance(at_most)
        except Exception as error:  # whatever an engine raises, the program stays alive
            self.fail(error)
            return None
        if chunk.diverged_at is not None:
            self.status = Status.DIVERGED
            self.message = (
                f"The loss stopped being a finite number at step {chunk.diverged_at:,}. Going back "
                f"returns to step {self.trainer.good.step:,} with half the learning rate."
            )
        elif self.trainer.finished:
            self.status = Status.FINISHED
            self.message = f"The plan of {self.trainer.train.steps:,} steps is done."
        if self.standing_in:
            self.rest_until = monotonic() + STAND_IN_REST * (monotonic() - started)
        return chunk

    def fail(self, error: Exception) -> None:
        """Stop after an error that is not the person's, and keep its traceback to be shown."""
        self.failure = error
        self.status = Status.FAILED
        self.message = f"The trainer stopped: {error}"
        self.error = "".join(traceback.format_exception(error))

    def tell(self, text: str, severity: Severity = "information") -> None:
        """Leave a notice to be shown once."""
        serial = self.notice.serial + 1 if self.notice else 1
        self.notice = Notice(serial, text, severity)

    # -- what a person asks for -------------------------------------------------------------

    def pause(self) -> None:
        """Stop after this chunk."""
        if self.status is Status.RUNNING:
            self.status = Status.PAUSED
        elif self.status is Status.STARTING:
            self._start_as = Status.PAUSED

    def resume(self) -> None:
        """Train again after a pause."""
        if self.status is Status.PAUSED:
            self.status = Status.RUNNING
        elif self.status is Status.STARTING:
            self._start_as = Status.RUNNING
        elif self.status is not Status.RUNNING:
            self._refuse()

    def toggle_pause(self) -> None:
        """Pause if running, else resume."""
        running = self.status is Status.RUNNING
        waiting = self.status is Status.STARTING and self._start_as is Status.RUNNING
        if running or waiting:
            self.pause()
        else:
            self.resume()

    def _refuse(self) -> None:
        if self.status is Status.FINISHED:
            raise UsageError("The planned steps are done: go on to plan as many again.")
        if self.status is Status.DIVERGED:
            raise UsageError("The run has diverged: go back to the last good step, or restart.")
        if self.status is Status.STARTING:
            raise UsageError(self._not_ready())
        raise UsageError("The trainer has stopped: restart it to train again.")

    def single_step(self) -> Chunk | None:
        """Pause, and take one step."""
        if self.status is Status.RUNNING:
            self.status = Status.PAUSED
        if self.status is not Status.PAUSED:
            self._refuse()
        return self.advance(at_most=1)

    def go_on(self, steps: int | None) -> None:
        """Plan `steps` more, as many as at first by default, and train on."""
        train = self.trainer.train
        total = train.steps + (steps or self._planned)
        self.retune("steps", f"plan {total:,}", steps=total)

    def rewind(self) -> None:
        """Go back to the last good state, with half the learning rate, and wait there."""
        step = self.trainer.go_back()
        rate = self.trainer.train.learning_rate
        self._settle(Status.PAUSED)
        self.tell(f"Back at step {step:,} with the learning rate halved to {rate:g}.")

    def restart(self, model: ModelConfig | None, train: TrainConfig | None) -> None:
        """Begin a new run, with other configurations if given."""
        trainer = self.trainer
        trainer.begin(trainer.dataset, model or trainer.model, train or trainer.train)
        self._planned = trainer.train.steps
        self._settle(Status.RUNNING)
        self._suit_model()

    def _settle(self, status: Status) -> None:
        """Leave an ended run behind for one that can train."""
        self.error = ""
        self.message = ""
        self.failure = None
        self.status = status if self.trainer.engine is not None else Status.STARTING

    def _suit_model(self) -> None:
        """Another shape may suit a matrix unit, or need compiling, for which the run waits."""
        if self.engine is not None and "products" not in self.chosen:
            best = automatic(self.engine, self.trainer.model, self.wanted)
            if best != self.wanted.products:
                self.wanted = self.wanted.with_value("products", best)
                self._switch("products")
        if self.engine is not None and not self.engine.is_ready(self.trainer.model, self.wanted):
            self._start_as, self.status = self.status, Status.STARTING
            wanted = self.wanted
            self._prepare(lambda _: wanted, "engine")

    def retune(self, key: str, label: str, **changes: Any) -> None:
        """Change fields of the training configuration, named in `changes`, in mid-run."""
        self.trainer.retune(replace(self.trainer.train, **changes), key, label)
        if self.status is Status.FINISHED and not self.trainer.finished:
            self._settle(Status.RUNNING)

    def scale_learning_rate(self, up: bool) -> None:
        """Raise or lower the learning rate by a quarter of it."""
        rate = self.trainer.train.learning_rate
        rate = rate * RATE_FACTOR if up else rate / RATE_FACTOR
        self.retune("learning_rate", f"lr {rate:.3g}", learning_rate=rate)

    def scale_batch(self, up: bool) -> None:
        """Double or halve the batch."""
        batch = self.trainer.train.batch
        scaled = batch * 2 if up else batch // 2
        if not 1 <= scaled <= MAX_BATCH:
            raise UsageError(f"The batch size stays between 1 and {MAX_BATCH}.")
        self.retune("batch", f"batch {scaled}", batch=scaled)

    def set_optimization(self, key: str, value: Value) -> None:
        """Set a toggle, at once or when the engine has compiled for it."""
        self._set(judge(self.chosen_engine(), find_optimization(key), self.wanted), value)

    def _set(self, judged: Availability, value: Value) -> None:
        """Set a toggle that has been judged."""
        judged.require(value)
        engine, key = self.chosen_engine(), judged.entry.key
        self.chosen |= {key}
        wanted = judged.entry.applied(self.wanted, value)
        if engine.is_ready(self.trainer.model, wanted):
            self.wanted = wanted
            self.preparation = None
            self._switch(key)
        else:
            self.wanted = wanted
            self._prepare(lambda _: wanted, key)

    def cycle_optimization(self, key: str) -> None:
        """Set a toggle to its next possible value; the first time, say why others are not."""
        judged = judge(self.chosen_engine(), find_optimization(key), self.wanted)
        self._set(judged, judged.after(getattr(self.wanted, key)))
        if judged.reason and key not in self._told:
            self._told.add(key)
            self.tell(judged.reason)

    def chosen_engine(self) -> Engine:
        """The engine that was asked for; raises `UsageError` until it is ready."""
        if self.engine is None:
            raise UsageError(self._not_ready())
        return self.engine

    def _not_ready(self) -> str:
        return f"The {self.engine_name} engine is not ready yet: wait a moment."

    def set_names(self, temperature: float | None = None, prefix: str | None = None) -> None:
        """Generate with another temperature or prefix from now on."""
        trainer = self.trainer
        if trainer.engine is None:
            raise UsageError(self._not_ready())
        trainer.names.change(
            trainer.names.temperature if temperature is None else temperature,
            trainer.names.prefix if prefix is None else prefix,
            trainer.engine,
            trainer.state,
            trainer.model,
            trainer.dataset,
            trainer.train.seed,
        )

    def change_temperature(self, up: bool) -> None:
        """Raise or lower the temperature by a tenth, as far as names make sense."""
        temperature = self.trainer.names.temperature + (0.1 if up else -0.1)
        low, high = TEMPERATURES
        self.set_names(temperature=round(min(max(temperature, low), high), 1))

    def save(self, path: Path) -> None:
        """Write the run to a checkpoint."""
        trainer = self.trainer
        checkpoint.save(
            path,
            checkpoint.Checkpoint(
                state=trainer.state,
                model=trainer.model,
                train=trainer.train,
                optimizations=trainer.optimizations,
                vocabulary=trainer.dataset.vocabulary,
                data_name=trainer.dataset.name,
            ),
        )
        self.tell(f"Saved step {trainer.state.step:,} to {path}.")

    def load(self, path: Path) -> None:
        """Continue from a checkpoint of the same data, paused."""
        loaded = checkpoint.load(path)
        dataset = self.trainer.dataset
        if loaded.vocabulary != dataset.vocabulary:
            raise UsageError(
                f"{path} was trained on {loaded.data_name}, whose characters are not those of "
                f"{dataset.name}: start eetui with that data."
            )
        self.trainer.begin(dataset, loaded.model, loaded.train, loaded.state)
        self._planned = loaded.train.steps
        self._settle(Status.FINISHED if self.trainer.finished else Status.PAUSED)
        self._suit_model()
        self.tell(f"At step {loaded.state.step:,} of {path}.")
