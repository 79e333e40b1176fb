"""Two settings judged by what they learn: the same seeds, the same documents, the same limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite, log
from random import Random
from statistics import median
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from eetui.core.clocks import ClockName
from eetui.core.config import MAX_BATCH
from eetui.core.data.batches import documents_of, learning_rates
from eetui.core.errors import EetuiError, UsageError
from eetui.core.measure.comparison import Arm, Now
from eetui.core.measure.limit import Limit
from eetui.core.model.state import TrainState
from eetui.core.verdict import LEAST_PAIRS, Verdict, interval, percent

SEEDS = 16
MAX_SEEDS = 1000
STEPS = 2000
CHUNK_US = 5_000.0
GROWTH = 2
EVALUATED = 4 * MAX_BATCH
"""Documents that a run is judged by."""
PARTS = 10**6
"""What a limit in seconds is divided into, for a learning rate that decays with the time."""


def learn(
    a: Arm,
    b: Arm,
    limit: Limit,
    seeds: int = SEEDS,
    *,
    rng: Random | None = None,
    now: Now = monotonic,
) -> Iterator[Verdict]:
    """Train both arms from `seeds` seeds; yields a verdict after every one, the last one over.

    A seed decides the weights and the documents, from the training seed on upwards; the learning
    rate decays to the end of the limit. The loss is that of 2,048 documents, of those kept from
    training where there are some, nats. Raises `UsageError` for fewer than 8 or
    more than 1,000 seeds and `EetuiError` if an arm diverges.
    """
    if not LEAST_PAIRS <= seeds <= MAX_SEEDS:
        raise UsageError(f"seeds must be between {LEAST_PAIRS} and {MAX_SEEDS}, not {seeds}.")
    for arm in (a, b):
        arm.engine.prepare(arm.subject.model, arm.optimizations)
    draw, start = rng or Random(), now()
    losses: list[tuple[float, float]] = []
    clock: ClockName = "cpu"
    for i in range(seeds):
        ends = [0.0, 0.0]
        for place in draw.sample((0, 1), 2):
            ends[place], told = loss_after((a, b)[place], limit, i)
            clock = "wall" if told == "wall" else clock
        losses.append((ends[0], ends[1]))
        yield _verdict(losses, now() - start, clock, over=i + 1 == seeds)


def loss_after(arm: Arm, limit: Limit, place: int) -> tuple[float, ClockName]:
    """The loss of an arm trained to the limit from its seed plus `place`, nats; and the clock.

    The loss is that of 2,048 documents, of those kept from training where there are some. The
    arm's engine must be prepared. Raises `EetuiError` if the run diverges.
    """
    train = replace(arm.subject.train, seed=arm.subject.train.seed + place)
    data = arm.subject.dataset.with_held_out(train.held_out)
    own = replace(arm, subject=replace(arm.subject, train=train, dataset=data))
    state, clock = _trained(own, limit)
    return _evaluated(own, state), clock


def _trained(arm: Arm, limit: Limit) -> tuple[TrainState, ClockName]:
    """A fresh model trained to the limit, and the clock that told its seconds."""
    subject, train = arm.subject, arm.subject.train
    if limit.steps is not None:
        train = replace(train, steps=limit.steps)
    state = TrainState.create(subject.model, train.seed)
    n, spent_us, clock = 1, 0.0, "cpu"
    while True:
        if limit.steps is not None:
            n = min(n, limit.steps - state.step)
        report = arm.engine.run(
            state,
            subject.dataset,
            subject.model,
            train,
            arm.optimizations,
            documents_of(train, state.step, n, subject.dataset.n_docs),
            _rates(arm, limit, state.step, n, spent_us),
        )
        if not isfinite(float(report.losses[-1])):
            raise EetuiError(
                f"The run with {train.batch} documents a step and seed {train.seed} diverged at "
                f"the learning rate {train.learning_rate:g}: lower it."
            )
        spent_us += report.us_per_step * n
        clock = report.clock
        if limit.steps is not None and state.step >= limit.steps:
            return state, clock
        left = CHUNK_US
        if limit.seconds is not None:
            left = min(left, limit.seconds * 1e6 - spent_us)
            if left <= 0:
                return state, clock
        n = max(1, min(int(left / report.us_per_step), GROWTH * n))


def _rates(arm: Arm, limit: Limit, first: int, n: int, spent_us: float) -> NDArray[np.float32]:
    """Learning rates [n] that decay by the schedule, with the steps or with the time."""
    train = arm.subject.train
    if limit.seconds is None:
        assert limit.steps is not None
        return learning_rates(replace(train, steps=limit.steps), first, n)
    done = min(int(PARTS * spent_us / (limit.seconds * 1e6)), PARTS - 1)
    return np.repeat(learning_rates(replace(train, steps=PARTS), done, 1), n)


def _evaluated(arm: Arm, state: TrainState) -> float:
    """The mean loss of the model over documents that are the same for all runs, nats."""
    subject = arm.subject
    data = subject.dataset.held_out or subject.dataset
    batch = min(EVALUATED, data.n_docs, MAX_BATCH)
    n_batches = max(min(EVALUATED, data.n_docs) // batch, 1)
    rows = np.arange(n_batches * batch, dtype=np.int32).reshape(n_batches, batch)
    losses = arm.engine.evaluate(state.params, data, subject.model, arm.optimizations, rows)
    return float(losses.mean())


def _verdict(
    losses: list[tuple[float, float]], seconds: float, clock: ClockName, *, over: bool
) -> Verdict:
    ratios = [log(b / a) for a, b in losses]
    differences = [b - a for a, b in losses]
    low, high = interval(ratios)
    return Verdict(
        metric="loss",
        estimate=percent(median(ratios)),
        low=percent(low),
        high=percent(high),
        pairs=len(losses),
        seconds=seconds,
        clock=clock,
        typical_a=median(a for a, _ in losses),
        typical_b=median(b for _, b in losses),
        difference=(median(differences), *interval(differences)),
        over=over,
    )
