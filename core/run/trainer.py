"""One run: its state, the chunks of steps that advance it, and what is remembered of it.

No thread and no clock but the engine's; `core/run/session.py` drives it.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from eetui.core import clocks
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.history import Event, History
from eetui.core.data.batches import documents_of
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine
from eetui.core.model.state import TrainState, relative_distance
from eetui.core.optimizations import Optimizations
from eetui.core.run.checkpoint import Checkpoint
from eetui.core.run.commands import (
    Branch,
    Change,
    Restart,
    Rewind,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SetSteps,
    Tuning,
    UseEngine,
    UseState,
)
from eetui.core.run.divergence import NOT_FINITE, Chunk, DivergenceWatch, is_healthy
from eetui.core.run.effects import LONGER_SECONDS, Effects, Flip, Measure
from eetui.core.run.evaluation import HeldOutLoss
from eetui.core.run.ghosts import Ghosts, Origin
from eetui.core.run.good_state import GoodState
from eetui.core.run.listeners import GiveWay
from eetui.core.run.log import Log
from eetui.core.run.logbook import Logbook
from eetui.core.run.namestream import NameStream
from eetui.core.run.past import Past
from eetui.core.run.setup import Setup
from eetui.core.run.switch import Switch
from eetui.core.run.time_plan import paced

CHUNK_US = 10_000
GROWTH = 2
SHORTER_FOR_OTHERS = 4
"""How many times shorter a chunk is while a flip is being measured, or where it gives way."""
KEPT_EVENTS = 200


class Trainer:
    """Everything about one run that changes while it runs, and the log of those changes."""

    def __init__(
        self,
        dataset: Dataset,
        model: ModelConfig,
        train: TrainConfig,
        engine: Engine | None,
        optimizations: Optimizations,
        names: NameStream,
        state: TrainState | None = None,
        measure: Measure | None = None,
        *,
        automatic: bool = True,
        seconds: float | None = None,
    ) -> None:
        """measure: what compares the two sides of a flip; automatic: whether after every flip.
        seconds: of training, which decide the plan of steps in place of `train`; or None."""
        self._measure, self._automatic, self._seconds = measure, automatic, seconds
        self.give_way: GiveWay | None = None
        self.dataset = dataset
        self.engine = engine
        self.names = names
        self.ghosts = Ghosts()
        name = engine.name if engine else ""
        self.setup = Setup(name, optimizations, model, train, names.temperature, names.prefix)
        self._begin(model, train, state)
        given = state is not None
        self.logbook = Logbook(self.dataset, self.setup, self.state, given=given)

    def _begin(self, model: ModelConfig, train: TrainConfig, state: TrainState | None) -> None:
        """Start a new run, or one that continues from `state`."""
        self.setup = self.setup.begun_with(model, train)
        self.dataset = self.setup.cut(self.dataset)
        model = replace(model, vocab_size=self.dataset.vocab_size)
        self.setup = replace(self.setup, model=model)
        self.state = state or TrainState.create(model, train.seed)
        self.history = History()
        self.held_out = HeldOutLoss(self.dataset, model)
        self.effects = Effects(self._measure)
        self.clock: clocks.ClockName = "cpu"
        self.events: list[Event] = []
        self.names.begin(self.setup.temperature, self.setup.prefix)
        self.ghosts.leave(self.state.step)
        self._good = GoodState(self.state)
        self._divergence = DivergenceWatch(model.vocab_size)
        self._chunk_steps = 1

    @property
    def model(self) -> ModelConfig:
        return self.setup.model

    @property
    def train(self) -> TrainConfig:
        return self.setup.train

    @property
    def optimizations(self) -> Optimizations:
        return self.setup.optimizations

    @property
    def finished(self) -> bool:
        """Whether the planned steps are done."""
        return self.state.step >= self.train.steps

    @property
    def good(self) -> TrainState:
        """The last good state."""
        return self._good.state

    @property
    def nominal_flops(self) -> float:
        """Operations a step by EEmicroGPT's count, whatever the engine skips."""
        return self.model.flops_per_step(self.train.batch, self.dataset.nominal_positions)

    @property
    def log(self) -> Log:
        """All that happened so far: with the data, enough to train the same weights again."""
        return self.logbook.log(self.state.step)

    @property
    def checkpoint(self) -> Checkpoint:
        """All that a file needs to continue the run; its state is the live one."""
        return Checkpoint(
            state=self.state,
            model=self.model,
            train=self.train,
            optimizations=self.optimizations,
            vocabulary=self.dataset.vocabulary,
            data_name=self.dataset.name,
        )

    # -- changes: each is logged at the present step and decides the steps from there on ----------

    def _change(self, change: Change) -> None:
        keep = not isinstance(change, SetNames) and is_healthy(self.state)
        self.logbook.add(change, self.state, keep=keep)
        self.setup = self.setup.after(change)

    def use_engine(self, engine: Engine, optimizations: Optimizations) -> None:
        """Go on with another engine, or with the same one where it had to get ready again."""
        before = self.engine.name if self.engine else ""
        self.engine = engine
        self._change(UseEngine(engine.name, optimizations))
        self.effects.stop()
        self._changed_pace("engine", engine.name, before)

    def use_optimizations(self, optimizations: Optimizations, switch: Switch) -> None:
        """Go on with other toggles; what was flipped is marked on the charts."""
        moved, old = self._gradient_change(optimizations), self.setup
        entries = self.logbook.n_entries
        for key, value in asdict(optimizations).items():
            if value != getattr(self.optimizations, key):
                self._change(SetOptimization(key, value))
        before, after = (switch.label(setup.optimizations) for setup in (old, self.setup))
        self._changed_pace(switch.key, f"{switch.name} {after}", f"{switch.name} {before}")
        self._changed_setting(f"{switch.name} {before}", entries, old)
        self._judge(Flip(switch.key, before, after, old, self.setup), moved)

    def use_threads(self, threads: int) -> None:
        """Go on with another number of threads, which is known to be faster."""
        self._change(SetOptimization("threads", threads))
        self.history.forget_pace()
        self._chunk_steps = 1

    def tune(self, change: Tuning) -> None:
        """Go on with another batch size, learning rate, or plan in place of the seconds."""
        self._seconds = None if isinstance(change, SetSteps) else self._seconds
        old, entries = self.setup, self.logbook.n_entries
        self._change(change)
        before, after = old.train.batch, self.train.batch
        if after != before:
            self._changed_pace("batch", f"batch {after}", f"batch {before}")
            self._changed_setting(f"batch {before}", entries, old)
            self._judge(Flip("batch", str(before), str(after), old, self.setup))
            return
        match change:
            case SetLearningRate(rate):
                was = f"lr {old.train.learning_rate:.3g}"
                self._mark("learning_rate", f"lr {rate:.3g}", was)
                self._changed_setting(was, entries, old)
            case SetSteps(steps):
                was = f"plan {old.train.steps:,}"
                self._mark("steps", f"plan {steps:,}", was)
                self._changed_setting(was, entries, old)
            case SetBatch():  # the same one again
                pass

    def set_names(self, temperature: float, prefix: str) -> None:
        """Generate with another temperature and prefix; raises `UsageError` if nothing can be."""
        assert self.engine is not None
        self.names.change(
            temperature, prefix, self.engine, self.state, self.model, self.dataset, self.train.seed
        )
        self._change(SetNames(temperature, prefix))

    def restart(self, model: ModelConfig, train: TrainConfig) -> None:
        """Begin again from fresh weights."""
        self._change(Restart(replace(model, vocab_size=self.dataset.vocab_size), train))
        self._begin(model, train, None)

    def load(self, path: Path, loaded: Checkpoint) -> None:
        """Continue from a checkpoint."""
        state, model, train, self._seconds = loaded.state, loaded.model, loaded.train, None
        self._change(UseState(path, state.fingerprint, state.step, model, train))
        self._begin(model, train, state)
        self.logbook.timeline.keep(self.logbook.n_entries, state, is_origin=True)

    def go_back(self) -> int:
        """Return to the last good state; gives its step."""
        step = self.good.step
        self._change(Rewind(step))
        self.state = self.good.clone()
        self.history.forget_after(step)
        self.held_out.forget_after(step)
        self.names.forget_after(step)
        self.ghosts.went_back(step)
        self.effects.stop()
        self._divergence.went_back()
        self.events = [event for event in self.events if event.step <= step]
        return step

    # -- the past ---------------------------------------------------------------------------------

    @property
    def past(self) -> Past:
        """The present moment with all that is remembered, to go back to."""
        names = self.names
        return Past(
            self.logbook.n_entries,
            self.state.step,
            deepcopy(self.history),
            deepcopy(self.held_out.track),
            tuple(self.events),
            names.latest,
            names.milestones,
        )

    def branch(self, past: Past) -> None:
        """Go on from another moment, with the weights and the settings that the run had then.

        The engine stays; where another one trained then, so do the toggles.
        """
        way = self.logbook.way_then(past.entries, past.step, self.state.step)
        state = self.logbook.state(way, self.dataset, self.engine)
        self._change(Branch(past.entries, past.step))
        setup, same = way.setup, way.setup.engine == self.setup.engine
        self.setup = setup if same else self.setup.named_as(setup)
        self._begin(setup.model, setup.train, state)
        self.history, self.held_out.track = deepcopy(past.history), deepcopy(past.track)
        self.history.forget_after(past.step)
        self.held_out.forget_after(past.step)
        self.events = [event for event in past.events if event.step <= past.step]
        self.names.recall(past.latest, past.milestones)
        self.names.forget_after(past.step)
        if not same:
            self._change(UseEngine(self.setup.engine, self.setup.optimizations))

    # -- steps ------------------------------------------------------------------------------------

    def advance(self, at_most: int | None = None) -> Chunk:
        """Run one chunk of about 10 ms, at least one step and never past the plan."""
        assert self.engine is not None
        if self.give_way:
            self.give_way()
        if not is_healthy(self.state):
            return Chunk(self.state.step, np.zeros(0, np.float32), self.state.step, NOT_FINITE)
        self.names.update(self.engine, self.state, self.model, self.dataset, self.train.seed)
        first = self.state.step
        n = self._steps_of_next_chunk(at_most)
        start = clocks.now()
        report = self.setup.advance(self.engine, self.state, self.dataset, n)
        spent = clocks.since(start, alone=report.clock == "cpu")
        self.clock = spent.clock
        chunk = self._divergence.judge(first, report.losses, self.state)
        done = len(chunk.losses)
        wall_ns, cost_ns = (ns * done // n for ns in (spent.wall_ns, spent.cost_ns))
        self.history.add(first + done, chunk.losses, wall_ns, cost_ns)
        self.ghosts.trained(first, chunk.losses, cost_ns)
        fitting = int(CHUNK_US * 1e3 * n / max(spent.cost_ns, 1))
        self._chunk_steps = max(1, min(fitting, GROWTH * max(n, self._chunk_steps)))
        if chunk.diverged_at is None:
            self._good.offer(self.state, self.history.loss)
            self.logbook.trained(self.state)
            cost, planned = self.history.cost_seconds, self.train.steps
            if change := paced(self._seconds, cost, self.state.step, planned):
                self.logbook.add(change, self.state, keep=False)
                self.setup = self.setup.after(change)
            judge = self.engine, self.optimizations, self.state, self.history.seconds
            if self.finished:
                self.held_out.finish(*judge)
                self.names.update(
                    self.engine, self.state, self.model, self.dataset, self.train.seed
                )
            else:
                self.held_out.trained(spent.cost_ns, *judge)
        self.history.wait(perf_counter_ns() - start.wall_ns - spent.wall_ns)
        return chunk

    def _steps_of_next_chunk(self, at_most: int | None) -> int:
        step = self.state.step
        chunk = self._chunk_steps
        # others wait for their turn
        if self.effects.is_measuring or self.give_way or len(self.ghosts):
            chunk = max(chunk // SHORTER_FOR_OTHERS, 1)
        limits = [chunk, self.train.steps - step, self.names.steps_to_milestone(step)]
        if at_most is not None:
            limits.append(at_most)
        return max(1, min(limits))

    def _gradient_change(self, optimizations: Optimizations) -> float | None:
        """How far other toggles move the gradient of the next batch; None if it is not finite."""
        assert self.engine is not None
        batch = documents_of(self.train, self.state.step, 1, self.dataset.n_docs)[0]
        before, after = (
            self.engine.gradients(self.state, self.dataset, self.model, toggles, batch).grads
            for toggles in (self.optimizations, optimizations)
        )
        return relative_distance(self.model, after, before)

    # -- verdicts ---------------------------------------------------------------------------------

    def _judge(self, flip: Flip, gradient_change: float | None = None) -> None:
        if self.engine is None:  # nothing trains yet, so there is nothing to be timed
            return
        self.effects.flipped(
            flip,
            self.engine,
            self.dataset,
            self.state,
            gradient_change,
            automatic=self._automatic,
        )

    def measure_again(self, flip: Flip) -> None:
        """Compare the two sides of a flip once more, for longer."""
        assert self.engine is not None
        known = self.effects.effect(flip.key)
        self.effects.flipped(
            flip,
            self.engine,
            self.dataset,
            self.state,
            known.gradient_change if known else None,
            seconds=LONGER_SECONDS,
        )

    def measure(self) -> None:
        """Take some pairs of the flip that is being measured; the wall clock runs on meanwhile.

        What that takes from the training stands at the flip's mark on the charts.
        """
        key, seconds = self.effects.measured, self.effects.take_pairs(self.give_way)
        self.history.wait(round(seconds * 1e9))
        for i, event in reversed([*enumerate(self.events)]):
            if event.key == key:
                self.events[i] = replace(event, paused=event.paused + seconds)
                break

    def _changed_pace(self, key: str, label: str, before: str) -> None:
        self.history.forget_pace()
        self._chunk_steps = 1
        self._mark(key, label, before)

    def _changed_setting(self, before: str, entries: int, old: Setup) -> None:
        """A setting that was `before` is another one: a ghost may go on without that."""
        if old != self.setup:
            step, seconds = self.state.step, self.history.seconds
            self.ghosts.changed(Origin(before, entries, step, seconds, old))

    def _mark(self, key: str, label: str, before: str) -> None:
        self.events.append(Event(self.state.step, self.history.seconds, key, label, before))
        del self.events[:-KEPT_EVENTS]
