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

from eetui.core.config import MAX_BATCH, ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines import peak, registry
from eetui.core.engines.availability import automatic, choose_optimizations, judge
from eetui.core.engines.base import Engine
from eetui.core.engines.presets import preset
from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import named
from eetui.core.model.state import TrainState
from eetui.core.optimizations import (
    CATALOGUE,
    Optimization,
    Optimizations,
    Value,
    assigned,
    find_optimization,
)
from eetui.core.run import checkpoint
from eetui.core.run.commands import (
    BACK,
    ApplyPreset,
    Branch,
    ChangeTemperature,
    Command,
    CycleOptimization,
    GoOn,
    Load,
    MeasureAgain,
    Pause,
    Redo,
    Restart,
    Resume,
    ReturnToNow,
    Rewind,
    Save,
    ScaleBatch,
    ScaleLearningRate,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SetSteps,
    SingleStep,
    TogglePause,
    Travel,
    TravelOn,
    Tuning,
    Undo,
    UseEngine,
    UseState,
)
from eetui.core.run.effects import Flip, Measure
from eetui.core.run.namestream import NameStream
from eetui.core.run.preparation import Preparation
from eetui.core.run.snapshot import Notice, Severity, Status, Visit
from eetui.core.run.switch import ALL, MIXED, Switch, preset_switch, toggle_switch
from eetui.core.run.trainer import Chunk, Past, Trainer
from eetui.core.run.travel import visited
from eetui.core.run.undo import Done, Flipped, Jumped, Tuned, UndoStack
from eetui.core.text import visible

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
        measure: Measure | None = None,
        automatic: bool = True,
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
        self.trainer = Trainer(
            dataset, model, train, substitute, first, names, state, measure, automatic=automatic
        )
        self.wanted = first
        self.undo_stack = UndoStack()
        self._own_set: Optimizations | None = None
        self.visit: Visit | None = None
        self._goes_on = False  # after a visit

    # -- getting ready ----------------------------------------------------------------------

    @property
    def standing_in(self) -> bool:
        """Whether another engine trains while the chosen one gets ready."""
        engine = self.trainer.engine
        return engine is not None and engine.name != self.engine_name

    def begin(self) -> None:
        """Start to get the engine ready; train in the meantime if another one can stand in."""
        self._prepare(
            lambda engine: choose_optimizations(engine, self.trainer.model, self.assignments), None
        )
        if self.trainer.engine is not None:
            self.status = self._start_as
        self._tell_if_none_held_out()

    def _tell_if_none_held_out(self) -> None:
        if why := self.trainer.dataset.why_none_held_out:
            self.tell(why)

    def _prepare(self, choose: Callable[[Engine], Optimizations], switch: Switch | None) -> None:
        self.message = f"Preparing the {self.engine_name} engine ..."
        self.preparation = Preparation(
            self.engine_name,
            self.engine,
            self.trainer.model,
            choose,
            lambda text: self.post(lambda: self._progress(text)),
            lambda done: self.post(lambda: self._prepared(done, switch)),
        )

    def _progress(self, text: str) -> None:
        if self.preparation is not None:
            self.message = text

    def _prepared(self, done: Preparation, switch: Switch | None) -> None:
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
        self._switch(switch)
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

    def _switch(self, switch: Switch | None) -> None:
        """Train as wanted from here on: `switch` is what was flipped, None the engine."""
        assert self.engine is not None
        if switch is None or self.engine is not self.trainer.engine:
            self.trainer.use_engine(self.engine, self.wanted)
        else:
            self.trainer.use_optimizations(self.wanted, switch)
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
            stopped = f"The loss {chunk.why} at step {chunk.diverged_at:,}"
            self.failure = EetuiError(f"{stopped}: lower the learning rate.")
            self.message = (
                f"{stopped}. Going back returns to step {self.trainer.good.step:,} with half the "
                "learning rate."
            )
        elif self.trainer.finished:
            self._finish()
        if self.standing_in:
            self.rest_until = monotonic() + STAND_IN_REST * (monotonic() - started)
        return chunk

    def give_way(self, give_way: Callable[[], object] | None) -> None:
        """Call this before every piece of work from now on."""
        self.trainer.give_way = give_way

    def _finish(self) -> None:
        self.status = Status.FINISHED
        self.message = f"The plan of {self.trainer.train.steps:,} steps is done."

    @property
    def is_measuring(self) -> bool:
        """Whether a flip is being measured, also while the training pauses or has ended."""
        return self.trainer.effects.is_measuring and self.status is not Status.FAILED

    def measure(self) -> None:
        """Take some pairs of the flip that is being measured."""
        try:
            self.trainer.measure()
        except Exception as error:  # the training is none the worse for it
            self.trainer.effects.stop()
            self.tell(f"The flip could not be measured: {error}", "error")

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

    def execute(self, command: Command) -> Chunk | None:
        """Do what is asked, and give the step that it took if it is one.

        Raises `UsageError` for what cannot be done now; then everything stays as it was.
        """
        trainer = self.trainer
        if self.visit is not None and not isinstance(command, Travel | TravelOn | ReturnToNow):
            self._return(resume=isinstance(command, Branch))
        match command:
            case Pause():
                self._pause()
            case Resume():
                self._resume()
            case TogglePause():
                self._toggle_pause()
            case SingleStep():
                return self._single_step()
            case SetBatch() | SetLearningRate() | SetSteps():
                self._tune(command)
            case ScaleBatch(up):
                self._scale_batch(up)
            case ScaleLearningRate(up):
                rate = trainer.train.learning_rate
                self._tune(SetLearningRate(rate * RATE_FACTOR if up else rate / RATE_FACTOR))
            case GoOn(steps):
                self._tune(SetSteps(trainer.train.steps + (steps or self._planned)))
            case SetOptimization(key, value):
                self._set_optimization(find_optimization(key), value)
            case ApplyPreset(name):
                self._apply_preset(name)
            case CycleOptimization(key):
                self._cycle_optimization(find_optimization(key))
            case MeasureAgain(key):
                self._measure_again(key)
            case SetNames(temperature, prefix):
                self._set_names(temperature, prefix)
            case ChangeTemperature(up):
                low, high = TEMPERATURES
                warmer = trainer.names.temperature + (0.1 if up else -0.1)
                self._set_names(round(min(max(warmer, low), high), 1), None)
            case Rewind(step):
                self._rewind(step)
            case Restart(model, train):
                self._restart(model or trainer.model, train or trainer.train)
            case Save(path):
                checkpoint.save(path, trainer.checkpoint)
                self.tell(f"Saved step {trainer.state.step:,} to {visible(str(path))}.")
            case Load(path):
                self._load(path)
            case Undo():
                self._undo()
            case Redo():
                self._redo()
            case Branch(entries, step):
                self._branch(entries, step)
            case Travel(step):
                self._travel(step)
            case TravelOn(back):
                self._travel(self._neighbour(back))
            case ReturnToNow():
                self._return(resume=True)
            case UseEngine() | UseState():
                raise UsageError("Only the session itself decides what trains: open a checkpoint.")
        return None

    def _pause(self) -> None:
        if self.status is Status.RUNNING:
            self.status = Status.PAUSED
        elif self.status is Status.STARTING:
            self._start_as = Status.PAUSED

    def _resume(self) -> None:
        if self.status is Status.PAUSED:
            self.status = Status.RUNNING
        elif self.status is Status.STARTING:
            self._start_as = Status.RUNNING
        elif self.status is not Status.RUNNING:
            self._refuse()

    def _toggle_pause(self) -> None:
        running = self.status is Status.RUNNING
        waiting = self.status is Status.STARTING and self._start_as is Status.RUNNING
        if running or waiting:
            self._pause()
        else:
            self._resume()

    def _refuse(self) -> None:
        if self.status is Status.FINISHED:
            raise UsageError("The planned steps are done: go on to plan as many again.")
        if self.status is Status.DIVERGED:
            raise UsageError("The run has diverged: go back with half the rate, undo, or restart.")
        if self.status is Status.STARTING:
            raise UsageError(self._not_ready())
        raise UsageError("The trainer has stopped: restart it to train again.")

    def _single_step(self) -> Chunk | None:
        if self.status is Status.RUNNING:
            self.status = Status.PAUSED
        if self.status is not Status.PAUSED:
            self._refuse()
        return self.advance(at_most=1)

    def _tune(self, change: Tuning) -> None:
        done = _tuned(self.trainer.train, change)
        self._apply_tuning(change)
        if done.before != done.after:
            self.undo_stack.did(done)

    def _apply_tuning(self, change: Tuning) -> None:
        self.trainer.tune(change)
        if self.trainer.finished and self.status in (Status.RUNNING, Status.PAUSED):
            self._finish()
        if self.status is Status.FINISHED and not self.trainer.finished:
            self._settle(Status.RUNNING)

    def _scale_batch(self, up: bool) -> None:
        batch = self.trainer.train.batch
        scaled = batch * 2 if up else batch // 2
        if not 1 <= scaled <= MAX_BATCH:
            raise UsageError(f"The batch size stays between 1 and {MAX_BATCH}.")
        self._tune(SetBatch(scaled))

    def _measure_again(self, key: str) -> None:
        """Compare the value in force with the one before its last flip, or with another one."""
        engine, trainer = self._chosen_engine(), self.trainer
        if self.standing_in or not trainer.state.is_finite:
            raise UsageError("There is nothing to be measured at the moment: wait or go back.")
        now, last = trainer.setup, trainer.effects.last_flip(key)
        if key == "batch":
            batch = now.train.batch
            other = int(last.before) if last else max(batch // 2, 1)
            old = now.after(SetBatch(other if other != batch else 2 * batch))
            trainer.measure_again(Flip(key, str(old.train.batch), str(batch), old, now))
            return
        if key == ALL:
            self._measure_all_again(engine, last)
            return
        entry = find_optimization(key)
        value = getattr(now.optimizations, key)
        judged = judge(engine, entry, now.optimizations)
        before = entry.parse(last.before) if last else judged.values[0]
        if before == value or before not in judged.values:
            before = judged.after(value)
        old = now.after(SetOptimization(key, before))
        trainer.measure_again(Flip(key, entry.label(before), entry.label(value), old, now))

    def _measure_all_again(self, engine: Engine, last: Flip | None) -> None:
        """Compare the toggles in force with those before the last preset, or with none of them."""
        now = self.trainer.setup
        switch = preset_switch(engine, now.model)
        before = last.old.optimizations if last else now.optimizations
        if before == now.optimizations:
            before = preset("off", engine, now.model)
        old = replace(now, optimizations=before)
        a, b = switch.label(before), switch.label(now.optimizations)
        self.trainer.measure_again(Flip(ALL, a, b, old, now))

    def _set_optimization(self, entry: Optimization, value: Value) -> None:
        judge(self._chosen_engine(), entry, self.wanted).require(value)
        self._want(entry, value)

    def _cycle_optimization(self, entry: Optimization) -> None:
        """Set a toggle to its next possible value; the first time, say why others are not."""
        judged = judge(self._chosen_engine(), entry, self.wanted)
        self._want(entry, judged.after(getattr(self.wanted, entry.key)))
        if judged.reason and entry.key not in self._told:
            self._told.add(entry.key)
            self.tell(judged.reason)

    def _want(self, entry: Optimization, value: Value) -> None:
        """Train with a toggle that can be, at once or when the engine has compiled for it."""
        self.chosen |= {entry.key}
        self._flip(toggle_switch(entry), entry.applied(self.wanted, value))

    def _apply_preset(self, name: str) -> None:
        """Set all toggles at once, or take them back to what they were before the presets."""
        engine, model = self._chosen_engine(), self.trainer.model
        switch = preset_switch(engine, model)
        if switch.label(self.wanted) == MIXED:
            self._own_set = self.wanted
        if name == BACK and self._own_set is None:
            raise UsageError("There is no set of yours to go back to: no toggle was flipped yet.")
        wanted = self._own_set if name == BACK else preset(name, engine, model)  # type: ignore[arg-type]
        assert wanted is not None
        self.chosen = frozenset() if name == "on" else frozenset(e.key for e in CATALOGUE)
        self._flip(switch, wanted)

    def _flip(self, switch: Switch, wanted: Optimizations) -> None:
        before = self.wanted
        self._want_all(switch, wanted)
        if before != wanted:
            label = f"{switch.name} {switch.label(wanted)}"
            self.undo_stack.did(Flipped(label, switch, before, wanted))

    def _want_all(self, switch: Switch, wanted: Optimizations) -> None:
        self.wanted = wanted
        if self._chosen_engine().is_ready(self.trainer.model, wanted):
            self.preparation = None
            self._switch(switch)
        else:
            self._prepare(lambda _: wanted, switch)

    def _chosen_engine(self) -> Engine:
        """The engine that was asked for; raises `UsageError` until it is ready."""
        if self.engine is None:
            raise UsageError(self._not_ready())
        return self.engine

    def _not_ready(self) -> str:
        return f"The {self.engine_name} engine is not ready yet: wait a moment."

    def _set_names(self, temperature: float | None, prefix: str | None) -> None:
        if self.trainer.engine is None:
            raise UsageError(self._not_ready())
        names = self.trainer.names
        self.trainer.set_names(
            names.temperature if temperature is None else temperature,
            names.prefix if prefix is None else prefix,
        )

    def _rewind(self, step: int | None) -> None:
        kept = self.trainer.good.step
        if step not in (None, kept):
            raise UsageError(f"The weights of step {step:,} were not kept: go back to {kept:,}.")
        rate = self.trainer.train.learning_rate / 2
        if self._is_lost:
            self.trainer.go_back()
            self._tune(SetLearningRate(rate))
        else:
            self.undo_stack.did(Jumped(f"back to step {kept:,}, half the rate", self.trainer.past))
            self.trainer.go_back()
            self._apply_tuning(SetLearningRate(rate))
        self._settle(Status.PAUSED)
        self.tell(f"Back at step {kept:,} with the learning rate halved to {rate:g}.")

    def _restart(self, model: ModelConfig, train: TrainConfig) -> None:
        is_same = (model, train) == (self.trainer.model, self.trainer.train)
        self._leave("start over" if is_same else f"new run, d_model {model.d_model}")
        self.trainer.restart(model, train)
        self._planned = train.steps
        self._settle(Status.RUNNING)
        self._suit_model()

    def _load(self, path: Path) -> None:
        trainer, loaded = self.trainer, checkpoint.load(path)
        loaded.require_vocabulary(trainer.dataset.vocabulary, trainer.dataset.name)
        self._leave(f"open {visible(path.name)}")
        trainer.load(named(path).absolute(), loaded)
        self._planned = loaded.train.steps
        self._settle(Status.FINISHED if trainer.finished else Status.PAUSED)
        self._suit_model()
        self.tell(f"At step {loaded.state.step:,} of {visible(str(path))}.")

    # -- undo, redo and branches ------------------------------------------------------------

    @property
    def _is_lost(self) -> bool:
        """Whether there is no going on from the present weights."""
        return self.status in (Status.DIVERGED, Status.FAILED)

    def _leave(self, label: str) -> None:
        """Remember where the run is, since it goes on elsewhere."""
        if self._is_lost:
            self.trainer.go_back()
        self.undo_stack.did(Jumped(label, self.trainer.past))

    def _undo(self) -> None:
        """Take the last change back; a run that diverged goes back to its last good step first."""
        done = self.undo_stack.to_undo()
        self.undo_stack.undid(self._reverse(done, back=True))

    def _redo(self) -> None:
        done = self.undo_stack.to_redo()
        self.undo_stack.redid(self._reverse(done, back=False))

    def _reverse(self, done: Done, *, back: bool) -> Done:
        """Go over a change, back or forth; gives what goes over it the other way."""
        if self._is_lost:
            self.trainer.go_back()
            self._settle(Status.PAUSED)
        match done:
            case Tuned(_, before, after):
                self._apply_tuning(before if back else after)
                return done
            case Flipped(_, switch, before, after):
                self._want_all(switch, before if back else after)
                return done
            case Jumped(label, there):
                here = self.trainer.past
                self._go_to(there)
                return Jumped(label, here)

    def _branch(self, entries: int, step: int) -> None:
        here = self.trainer.past
        self._go_to(replace(here, entries=entries, step=step))
        self.undo_stack.did(Jumped(f"branch at step {step:,}", here))

    def _travel(self, step: int) -> None:
        """Look at an earlier step, with the training paused meanwhile."""
        self.visit = visited(self.trainer, step)
        if self.status is Status.RUNNING:
            self.status, self._goes_on = Status.PAUSED, True

    def _neighbour(self, back: bool) -> int:
        """The keyframe before or after the one that is looked at; now is the last of them."""
        now = self.trainer.state.step
        here = self.visit.step if self.visit is not None else now
        steps = (*self.trainer.logbook.keyframes(now), now)
        if back:
            return max((step for step in steps if step < here), default=here)
        return min((step for step in steps if step > here), default=here)

    def _return(self, *, resume: bool) -> None:
        """Look at the present again."""
        if self.visit is not None and self._goes_on and resume:
            self.status = Status.RUNNING
        self.visit, self._goes_on = None, False

    def _go_to(self, there: Past) -> None:
        """Go on from another moment of the run, running if the run did."""
        trainer = self.trainer
        trainer.branch(there)
        if self.engine is not None:  # else it is still getting ready
            self.preparation = None
            self.wanted = trainer.optimizations
        self._settle(Status.RUNNING if self.status is Status.RUNNING else Status.PAUSED)
        if trainer.finished:
            self._finish()
        self._suit_model()

    def _settle(self, status: Status) -> None:
        """Leave an ended run behind for one that can train."""
        self.error = ""
        self.message = ""
        self.failure = None
        self.status = status if self.trainer.engine is not None else Status.STARTING

    def _suit_model(self) -> None:
        """Another shape may suit a matrix unit, or need compiling, for which the run waits."""
        engine = self.engine
        if engine is None:
            return
        if "products" not in self.chosen:
            best = automatic(engine, self.trainer.model, self.wanted)
            if best != self.wanted.products:
                self.wanted = self.wanted.with_value("products", best)
                self._switch(toggle_switch(find_optimization("products")))
        if not engine.is_ready(self.trainer.model, self.wanted):
            self._start_as, self.status = self.status, Status.STARTING
            wanted = self.wanted
            self._prepare(lambda _: wanted, None)


def _tuned(train: TrainConfig, change: Tuning) -> Tuned:
    """What takes this change back, and its name."""
    match change:
        case SetBatch(batch):
            return Tuned(f"batch {batch}", SetBatch(train.batch), change)
        case SetLearningRate(rate):
            return Tuned(f"lr {rate:.3g}", SetLearningRate(train.learning_rate), change)
        case SetSteps(steps):
            return Tuned(f"plan {steps:,}", SetSteps(train.steps), change)
