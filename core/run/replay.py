"""A run again, from its log: the stretches that led to its weights, trained once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState
from eetui.core.run import checkpoint
from eetui.core.run.commands import Restart, Rewind, UseState
from eetui.core.run.log import Log
from eetui.core.run.setup import Setup

STEPS_AT_ONCE = 1024
"""Bounds the memory for the documents of a call; it does not change what is learned."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The steps from `first` up to `last`, all trained with one setup."""

    setup: Setup
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Way:
    """What led to the weights of a run: where they began, and the stretches that still count.

    origin: the state in a file, or None for what the log itself begins with or fresh weights.
    fresh: whether they are the fresh weights of `first`'s model and seed.
    """

    first: Setup
    origin: UseState | None
    fresh: bool
    stretches: tuple[Stretch, ...]


def surviving(log: Log) -> Way:
    """The straight way to the weights at the end of `log`, without what was given up on the way.

    Raises `UsageError` for a log whose steps cannot be: it goes back to where it never was, or
    its steps fall without a change that takes them back.
    """
    setup = first = log.setup
    origin: UseState | None = None
    fresh = not log.state
    stretches: list[Stretch] = []
    step = begun = log.first_step
    for entry in log.entries:
        stretches += _trained(setup, step, entry.step)
        step, change = entry.step, entry.change
        setup = setup.after(change)
        match change:
            case Restart():
                first, origin, fresh, stretches, step = setup, None, True, [], 0
                begun = step
            case UseState():
                first, origin, fresh, stretches, step = setup, change, False, [], change.step
                begun = step
            case Rewind(to):
                if to is None or not begun <= to <= step:
                    raise UsageError(f"The log goes back to step {to}, where the run never was.")
                stretches = [
                    replace(each, last=min(each.last, to)) for each in stretches if each.first < to
                ]
                step = to
    stretches += _trained(setup, step, log.step)
    return Way(first, origin, fresh, tuple(stretches))


def _trained(setup: Setup, first: int, last: int) -> Iterator[Stretch]:
    if last < first:
        raise UsageError(f"The log falls from step {first:,} to {last:,} without going back.")
    if last > first:
        yield Stretch(setup, first, last)


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
    now = _beginning(way, log, state)
    follow(way.stretches, dataset, now)
    return now


def follow(
    stretches: Iterable[Stretch],
    dataset: Dataset,
    now: TrainState,
    observe: Callable[[int, NDArray[np.float32]], None] | None = None,
) -> None:
    """Train `now` on, in place, from its step to the end of the stretches.

    observe: gets (first step, losses) of the steps as they are trained, every step exactly once.
    """
    engines: dict[str, Engine] = {}
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


def _beginning(way: Way, log: Log, state: TrainState | None) -> TrainState:
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
