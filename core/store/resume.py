"""Going on with a run in the store: its latest state, and the steps after it trained once more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from eetui.core.config import TrainConfig
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import CATALOGUE
from eetui.core.run import checkpoint
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
    UseEngine,
    UseState,
)
from eetui.core.run.log import Entry, Log, read_log
from eetui.core.run.replay import follow, replay, surviving
from eetui.core.run.setup import Setup
from eetui.core.store.run_record import Curves, Summary
from eetui.core.store.store import Store
from eetui.core.text import visible


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run of the store, ready to go on: setup, state and dataset as they were when it stopped."""

    run: Summary
    dataset: Dataset
    setup: Setup
    state: TrainState
    log: Log
    curves: Curves

    @property
    def checkpoint(self) -> Checkpoint:
        """What a file needs to go on with the run."""
        setup, data = self.setup, self.dataset
        return Checkpoint(
            self.state, setup.model, setup.train, setup.optimizations, data.vocabulary, data.name
        )


def resume(store: Store, reference: str) -> Resumed:
    """The run where it stopped, whatever became of the program that trained it.

    Raises `UsageError` where there is no such run, or its data are no longer what they were.
    """
    run = store.find(reference)
    text = store.log(run.id)
    if text is None:
        raise UsageError(f"The run {visible(run.name)} ended before anything of it was kept.")
    log = read_log(text)
    dataset = data_of(run)
    state = _state(store, run, log, dataset)
    return Resumed(run, dataset, last_setup(log), state, log, store.curves(run.id))


def data_of(run: Summary) -> Dataset:
    """The documents that a run was trained on; `UsageError` if they have changed since."""
    dataset = load_dataset(run.data or None)
    if dataset.fingerprint != run.data_fingerprint:
        raise UsageError(
            f"{visible(run.data or dataset.name)} holds other documents than when "
            f"{visible(run.name)} was trained: put back the file that it was trained on."
        )
    return dataset


def first_step(log: Log) -> int:
    """Where the weights at the end of the log began: 0, or the step of a state in a file."""
    return surviving(log).begun


def last_setup(log: Log) -> Setup:
    """What would train the next step."""
    return surviving(log).setup


def _state(store: Store, run: Summary, log: Log, dataset: Dataset) -> TrainState:
    """The latest state that was kept, trained on to the end of the log."""
    kept = store.state(run.id)
    if kept is None or _was_left(log, kept[1]):
        return replay(log, dataset)
    state = checkpoint.from_bytes(kept[0], f"The state of {visible(run.name)}").state
    follow(surviving(log).stretches, dataset, state)
    return state


def _was_left(log: Log, entries: int) -> bool:
    """Whether the run went away from where it was after so many entries of its log."""
    later = log.entries[entries:]
    return any(isinstance(entry.change, Restart | UseState | Rewind | Branch) for entry in later)


def joined_logs(before: Log, after: Log) -> Log:
    """The log of a run and of what came when it went on, as one."""
    step = after.first_step
    changes = changes_between(last_setup(before), after.setup)
    entries = (*before.entries, *(Entry(step, change) for change in changes))
    later = [_moved(entry, len(entries)) for entry in after.entries]
    return replace(before, entries=(*entries, *later), step=after.step)


def opened_log(log: Log, path: Path) -> Log:
    """The log of a run that began with the state in a file, as of one that opened it first."""
    setup = log.setup
    origin = UseState(path, log.state, log.first_step, setup.model, setup.train)
    later = [_moved(entry, 1) for entry in log.entries]
    return replace(log, state="", first_step=0, entries=(Entry(0, origin), *later))


def _moved(entry: Entry, by: int) -> Entry:
    """The entry in a log that has so many more before it."""
    match entry.change:
        case Branch(entries, step):
            return replace(entry, change=Branch(entries + by, step))
        case _:
            return entry


def changes_between(now: Setup, then: Setup) -> list[Change]:
    """What makes one setup of the other, of the same model."""
    changes: list[Change] = []
    if then.engine and then.engine != now.engine:
        changes.append(UseEngine(then.engine, then.optimizations))
    elif then.engine:
        for entry in CATALOGUE:
            value = getattr(then.optimizations, entry.key)
            if value != getattr(now.optimizations, entry.key):
                changes.append(SetOptimization(entry.key, value))
    if then.train.batch != now.train.batch:
        changes.append(SetBatch(then.train.batch))
    if then.train.learning_rate != now.train.learning_rate:
        changes.append(SetLearningRate(then.train.learning_rate))
    if then.train.steps != now.train.steps:
        changes.append(SetSteps(then.train.steps))
    if now.named_as(then) != now:
        changes.append(SetNames(then.temperature, then.prefix))
    return changes


def require_same_rules(now: TrainConfig, then: TrainConfig) -> None:
    """Raise `UsageError` where going on would need more than another batch, rate or plan."""
    same = replace(then, batch=now.batch, learning_rate=now.learning_rate, steps=now.steps)
    if same != now:
        raise UsageError(
            "A run goes on with its own seed, schedule, order and held-out share: leave them out, "
            "or begin a new run."
        )
