"""A run again, from its log: the stretches that led to its weights, trained once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState
from eetui.core.run import checkpoint
from eetui.core.run.commands import Branch, Restart, Rewind, UseState
from eetui.core.run.log import Log
from eetui.core.run.setup import Setup

STEPS_AT_ONCE = 1024
"""Bounds the memory for the documents of a call; it does not change what is learned."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The steps from `first` up to `last`, all trained with one setup.

    entries: how many the log had by then.
    """

    setup: Setup
    first: int
    last: int
    entries: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Way:
    """What led to the weights of a run: where they began, and the stretches that still count.

    origin: the state in a file, or None for what the log itself begins with or fresh weights.
    fresh: whether they are the fresh weights of `first`'s model and seed. begun: the step of those
    weights, when the log had `entries` entries. setup: what trains the next step, the one after
    `step`.
    """

    first: Setup
    origin: UseState | None
    fresh: bool
    stretches: tuple[Stretch, ...]
    begun: int
    entries: int
    setup: Setup
    step: int

    def trained(self, last: int, entries: int) -> Way:
        """The way after the steps up to `last` as well, with a log of so many entries."""
        if last < self.step:
            raise UsageError(
                f"The log falls from step {self.step:,} to {last:,} without going back."
            )
        if last == self.step:
            return self
        more = Stretch(self.setup, self.step, last, entries)
        return replace(self, stretches=(*self.stretches, more), step=last)

    def back_at(self, step: int) -> Way:
        """The way up to an earlier step, with the present setup."""
        kept = [replace(s, last=min(s.last, step)) for s in self.stretches if s.first < step]
        return replace(self, stretches=tuple(kept), step=step)

    def setup_at(self, step: int) -> tuple[Setup, int]:
        """What trained the steps up to `step`, and how many entries the log had then."""
        for stretch in reversed(self.stretches):
            if stretch.first < step:
                return stretch.setup, stretch.entries
        return self.first, self.entries


def surviving(log: Log) -> Way:
    """The straight way to the weights at the end of `log`, without what was given up on the way.

    Raises `UsageError` for a log whose steps cannot be: it goes back to where it never was, or
    its steps fall without a change that takes them back.
    """
    step = log.first_step
    way = Way(log.setup, None, not log.state, (), step, 0, log.setup, step)
    ways = [way]  # by the entries that the log had
    for i, entry in enumerate(log.entries):
        way = way.trained(entry.step, i)
        setup = way.setup.after(entry.change)
        match entry.change:
            case Restart():
                way = Way(setup, None, True, (), 0, i + 1, setup, 0)
            case UseState(step=step) as origin:
                way = Way(setup, origin, False, (), step, i + 1, setup, step)
            case Rewind(to):
                if to is None or not way.begun <= to <= way.step:
                    raise UsageError(f"The log goes back to step {to}, where the run never was.")
                way = way.back_at(to)
            case Branch(entries, to):
                if entries > i or not ways[entries].step <= to <= log.entries[entries].step:
                    raise UsageError(
                        f"The log goes back to step {to} after {entries} changes, where the run "
                        "never was."
                    )
                way = ways[entries].trained(to, entries)
            case _:
                way = replace(way, setup=setup)
        ways.append(way)
    return way.trained(log.step, len(log.entries))


def replay(log: Log, dataset: Dataset, state: TrainState | None = None) -> TrainState:
    """Train the run of `log` again; on the same machine it gives the same state to the bit.

    state: what the run began with, where it did not begin with fresh weights; it is left as it is.
    Raises `UsageError` where data, state or a file that was opened are not those of the log, and
    what the engines raise.
    """
    if dataset.fingerprint != log.data:
        raise UsageError(
            f"The log is of a run on {log.data_name}, and {dataset.name} holds other documents: "
            "name the data it was trained on."
        )
    way = surviving(log)
    now = beginning(way, log, state)
    follow(way.stretches, dataset, now)
    return now


def follow(
    stretches: Iterable[Stretch],
    dataset: Dataset,
    now: TrainState,
    observe: Callable[[int, NDArray[np.float32]], None] | None = None,
    ready: Engine | None = None,
) -> None:
    """Train `now` on, in place, from its step to the end of the stretches.

    observe: gets (first step, losses) of the steps as they are trained, every step exactly once.
    ready: an engine that need not be made, with all that it has compiled.
    """
    engines = {ready.name: ready} if ready else {}
    for stretch in stretches:
        if stretch.last <= now.step:
            continue
        setup = stretch.setup
        if setup.engine not in engines:
            engines[setup.engine] = registry.create(setup.engine)
        engine = engines[setup.engine]
        engine.prepare(setup.model, setup.optimizations)
        cut = setup.cut(dataset)
        while now.step < stretch.last:
            first = now.step
            n = min(stretch.last - first, STEPS_AT_ONCE)
            losses = setup.advance(engine, now, cut, n).losses
            if observe is not None:
                observe(first, losses)


def beginning(way: Way, log: Log, state: TrainState | None) -> TrainState:
    """A copy of the state in which the stretches of `way` begin."""
    if way.origin is not None:
        loaded = checkpoint.load(way.origin.path).state
        if loaded.fingerprint != way.origin.sha256:
            raise UsageError(f"{way.origin.path} is not the checkpoint that the run opened.")
        return loaded
    if way.fresh:
        return TrainState.create(way.first.model, way.first.train.seed)
    if state is None or state.fingerprint != log.state:
        raise UsageError(
            f"The run began with a state at step {log.first_step:,}: hand over that state."
        )
    return state.clone()
