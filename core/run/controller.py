"""A live run: what trains, and who carries out which command.

Single-threaded; `core/run/session.py` calls it from the one thread that trains.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import monotonic

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines import peak, registry
from eetui.core.engines.base import Engine
from eetui.core.errors import EetuiError, UsageError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run import checkpoint
from eetui.core.run.auto_threads import AutoThreads
from eetui.core.run.commands import (
    ApplyPreset,
    Branch,
    ChangeTemperature,
    Command,
    CycleOptimization,
    EndGhost,
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
    ToggleGhost,
    TogglePause,
    Travel,
    TravelBy,
    TravelOn,
    Undo,
    UseEngine,
    UseState,
)
from eetui.core.run.divergence import Chunk
from eetui.core.run.effects import Measure
from eetui.core.run.engine_choice import EngineChoice, Post
from eetui.core.run.first_tuning import FirstTuning, Tune
from eetui.core.run.ghost_turns import GhostTurns
from eetui.core.run.jumps import Jumps
from eetui.core.run.lifecycle import Lifecycle
from eetui.core.run.listeners import GiveWay
from eetui.core.run.namestream import NameStream
from eetui.core.run.naming import Naming
from eetui.core.run.notices import Notices
from eetui.core.run.picturing import Situation
from eetui.core.run.remeasure import flip_again
from eetui.core.run.reversal import Reversal
from eetui.core.run.snapshot import Status
from eetui.core.run.toggle_choice import ToggleChoice
from eetui.core.run.trainer import Trainer
from eetui.core.run.travel import TimeTravel
from eetui.core.run.tuner import Tuner
from eetui.core.run.undo import UndoStack
from eetui.core.text import visible

STAND_IN_REST = 9.0
"""Rest of the stand-in engine after a chunk, in chunks: both it and the compiler need the GIL."""


class Controller:
    """A run and all that can be asked of it; `post` hands work from other threads to its own."""

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
        tune: Tune | None = None,
        automatic: bool = True,
        seconds: float | None = None,
    ) -> None:
        substitute = registry.create("numpy") if stand_in and engine != "numpy" else None
        first = substitute.default_optimizations() if substitute else Optimizations()
        self.trainer = trainer = Trainer(
            dataset, model, train, substitute, first, names, state, measure,
            automatic=automatic, seconds=seconds,
        )  # fmt: skip
        self.lifecycle = lifecycle = Lifecycle(trainer, paused=paused)
        self.notices = notices = Notices()
        self.undo_stack = stack = UndoStack()
        on_ready = self._measure_peak if measure_peak else None
        self.choice = choice = EngineChoice(
            engine, assignments, trainer, lifecycle, notices, post, on_ready
        )
        self._toggles = ToggleChoice(choice, trainer, stack, notices)
        self._threads = AutoThreads(trainer)
        self._first_tuning = FirstTuning(tune, trainer, choice, self._toggles, notices)
        self._tuner = tuner = Tuner(trainer, lifecycle, stack)
        self._naming = naming = Naming(trainer, choice, stack)
        self._jumps = jumps = Jumps(trainer, lifecycle, choice, tuner, stack, notices)
        self._reversal = Reversal(trainer, lifecycle, choice, tuner, naming, jumps, stack)
        self._travel = TimeTravel(trainer, lifecycle)
        self.ghost_turns = GhostTurns(trainer, lifecycle, notices)
        self._post = post
        self._peak_gflops: float | None = None
        self._rest_until = 0.0

    @property
    def situation(self) -> Situation:
        """How the run stands, for a snapshot."""
        return Situation(
            status=self.lifecycle.status,
            message=self.lifecycle.message,
            error=self.lifecycle.error,
            engine_name=self.choice.name,
            engine=self.choice.engine,
            wanted=self.choice.resolved,
            auto_threads=self._threads.told if self.choice.follows_threads else "",
            notice=self.notices.latest,
            peak_gflops=self._peak_gflops,
            undo=self.undo_stack.undo_label,
            redo=self.undo_stack.redo_label,
            visit=self._travel.visit,
        )

    def begin(self) -> None:
        """Start to get the engine ready; train in the meantime if another one can stand in."""
        self.choice.begin()
        if self.trainer.engine is not None:
            self.lifecycle.start()
        if why := self.trainer.dataset.why_none_held_out:
            self.notices.tell(why)

    def _measure_peak(self, engine: Engine) -> None:
        def measure() -> None:
            try:
                gflops = peak.measure(engine)
            except EetuiError as error:
                reason = str(error)
                self._post(lambda: self.notices.tell(reason, "warning"))
            else:
                self._post(lambda: setattr(self, "_peak_gflops", gflops))

        threading.Thread(target=measure, name="eetui-peak", daemon=True).start()

    # -- training ---------------------------------------------------------------------------

    @property
    def rest(self) -> float:
        """Seconds for which the training is to leave the GIL to the compiler; 0 for none."""
        return max(self._rest_until - monotonic(), 0.0) if self.choice.is_standing_in else 0.0

    def advance(self, at_most: int | None = None) -> Chunk | None:
        """Run one chunk; None if the engine failed. The status says how it ended."""
        started = monotonic()
        try:
            chunk = self.trainer.advance(at_most)
        except Exception as error:  # whatever an engine raises, the program stays alive
            self.lifecycle.fail(error)
            return None
        self.lifecycle.trained(chunk)
        if self.lifecycle.status is Status.RUNNING:
            self._follow()
        if self.choice.is_standing_in:
            self._rest_until = monotonic() + STAND_IN_REST * (monotonic() - started)
        return chunk

    def _follow(self) -> None:
        """What is found out beside the training; whatever goes wrong with it, that goes on."""
        try:
            if self.choice.follows_threads and (told := self._threads.follow()):
                self.notices.tell(told)
            self._first_tuning.follow()
        except EetuiError as error:
            self.notices.tell(str(error), "warning")

    def give_way(self, give_way: GiveWay | None) -> None:
        """Call this before every piece of work from now on."""
        self.trainer.give_way = give_way

    @property
    def is_measuring(self) -> bool:
        """Whether a flip is being measured, also while the training pauses or has ended."""
        failed = self.lifecycle.status is Status.FAILED
        return self.trainer.effects.is_measuring and not failed

    def measure(self) -> None:
        """Take some pairs of the flip that is being measured."""
        try:
            self.trainer.measure()
        except Exception as error:  # the training goes on
            self.trainer.effects.stop()
            self.notices.tell(f"The flip could not be measured: {error}", "error")

    # -- what a person asks for -------------------------------------------------------------

    def execute(self, command: Command) -> Chunk | None:
        """Do what is asked, and give the step that it took if it is one.

        Raises `UsageError` for what cannot be done now; then everything stays as it was.
        """
        told = self.notices.latest
        try:
            return self._execute(command)
        finally:
            if parting := self.trainer.ghosts.take_parting():
                self.notices.add(parting, since=told)

    def _execute(self, command: Command) -> Chunk | None:
        trainer = self.trainer
        if not isinstance(command, Travel | TravelOn | TravelBy | ReturnToNow):
            self._travel.end(resume=isinstance(command, Branch))
        match command:
            case Pause():
                self.lifecycle.pause()
                self.ghost_turns.rest()
            case Resume():
                if not self.ghost_turns.wake():
                    self.lifecycle.resume()
            case TogglePause():
                self.lifecycle.toggle_pause()
            case SingleStep():
                self.lifecycle.stop_for_step()
                return self.advance(at_most=1)
            case SetBatch() | SetLearningRate() | SetSteps():
                self._tuner.tune(command)
            case ScaleBatch(up):
                self._tuner.scale_batch(up)
            case ScaleLearningRate(up):
                self._tuner.scale_rate(up)
            case GoOn(steps):
                self._tuner.extend(steps)
            case SetOptimization(key, value):
                self._toggles.set(key, value)
            case CycleOptimization(key):
                self._toggles.cycle(key)
            case ApplyPreset(name):
                self._toggles.apply_preset(name)
            case MeasureAgain(key):
                self._measure_again(key)
            case SetNames(temperature, prefix):
                self._naming.set(temperature, prefix)
            case ChangeTemperature(up):
                self._naming.warm(up=up)
            case Restart(model, train):
                self._jumps.restart(model or trainer.model, train or trainer.train)
            case Rewind(step):
                self._jumps.rewind(step)
            case Branch(entries, step):
                self._jumps.branch(entries, step)
            case Load(path):
                self._jumps.load(path)
            case Save(path):
                checkpoint.save(path, trainer.checkpoint)
                self.notices.tell(f"Saved step {trainer.state.step:,} to {visible(str(path))}.")
            case ToggleGhost():
                self.ghost_turns.toggle()
            case EndGhost(number):
                trainer.ghosts.end(number)
            case Undo():
                self._reversal.undo()
            case Redo():
                self._reversal.redo()
            case Travel(step):
                self._travel.to(step)
            case TravelOn(back):
                self._travel.on(back=back)
            case TravelBy(steps):
                self._travel.by(steps)
            case ReturnToNow():
                self._travel.end(resume=True)
            case UseEngine() | UseState():
                raise UsageError("Only the session itself decides what trains: open a checkpoint.")
        return None

    def _measure_again(self, key: str) -> None:
        engine, trainer = self.choice.require(), self.trainer
        if self.choice.is_standing_in or not trainer.state.is_finite:
            raise UsageError("There is nothing to be measured at the moment: wait or go back.")
        last = trainer.effects.last_flip(key)
        trainer.measure_again(flip_again(key, engine, trainer.setup, last))
