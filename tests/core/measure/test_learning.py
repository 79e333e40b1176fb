"""Two settings judged by what they learn: same seeds, same documents, same limit."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from eetui.core.errors import EetuiError
from eetui.core.measure.comparison import Arm
from eetui.core.measure.learning import learn
from eetui.core.measure.limit import Limit
from eetui.core.optimizations import Optimizations


class Learner:
    """Its weights end at a loss that its toggles and its seed decide."""

    def __init__(self, engine, effect: float = 0.0) -> None:
        self.engine, self.effect = engine, effect

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def evaluate(self, params, dataset, model, optimizations, documents):
        self.judged = (dataset, documents)
        level = 2.0 + 0.1 * float(np.abs(params).sum() % 1.0)  # from seed to seed
        return np.full(len(documents), level + self.effect * optimizations.fast_exp, np.float32)


def pair(subject, engine):
    off, on = (Optimizations(fast_exp=value) for value in (False, True))
    return Arm("off", subject, engine, off), Arm("on", subject, engine, on)


def learned(subject, engine, limit, seeds=16):
    off, on = pair(subject, engine)
    return [*learn(off, on, limit, seeds, rng=Random(0), now=engine.clock)]


def test_a_difference_smaller_than_that_of_seeds_is_found(scripted, subject):
    seen = learned(subject, Learner(scripted(), 0.004), Limit(steps=20))
    last = seen[-1]
    assert [v.pairs for v in seen] == [*range(1, 17)]
    assert [v.over for v in seen] == [False] * 15 + [True]
    assert (last.metric, last.words) == ("loss", "higher loss")
    assert last.low < 100 * 0.004 / 2.05 < last.high
    middle, low, high = last.difference
    assert low <= middle <= high
    assert middle == pytest.approx(0.004, abs=1e-4)


def test_no_difference_is_found_where_there_is_none(scripted, subject):
    *_, last = learned(subject, Learner(scripted()), Limit(steps=20))
    assert last.words == "no difference found"


def test_both_arms_see_the_same_seeds_and_documents(scripted, subject):
    engine = scripted()
    learned(subject, Learner(engine), Limit(steps=20), seeds=8)
    runs: dict[bool, list[bytes]] = {False: [], True: []}
    for optimizations, documents, _, _ in engine.calls:
        runs[optimizations.fast_exp].append(documents.tobytes())
    assert b"".join(runs[False]) == b"".join(runs[True])
    first = [run for run, step in zip(runs[True], [c[3] for c in engine.calls if c[0].fast_exp])  # noqa: B905
             if step == 0]  # fmt: skip
    assert len(set(first)) == 8


def test_it_is_judged_on_documents_kept_from_training(scripted, subject):
    engine = Learner(scripted())
    learned(subject, engine, Limit(steps=5), seeds=8)
    data, documents = engine.judged
    kept = subject.dataset.with_held_out(subject.train.held_out).held_out
    assert data.n_docs == kept.n_docs
    assert len(np.unique(documents)) == documents.size == 2048
    none = replace(subject, train=replace(subject.train, held_out=0.0))
    learned(none, engine, Limit(steps=5), seeds=8)
    assert engine.judged[0].n_docs == subject.dataset.n_docs


def test_seconds_are_those_of_the_threads_clock(scripted, subject):
    engine = scripted(
        lambda optimizations, batch: 200.0 if optimizations.fast_exp else 400.0, share=0.5
    )
    learned(subject, Learner(engine), Limit(seconds=0.1), seeds=8)
    steps = {
        fast: sum(len(c[1]) for c in engine.calls if c[0].fast_exp is fast) / 8
        for fast in (False, True)
    }
    assert steps[True] == pytest.approx(500, rel=0.02)
    assert steps[False] == pytest.approx(250, rel=0.02)
    assert engine.clock.seconds == pytest.approx(2 * 16 * 0.1, rel=0.05)


def test_the_rate_decays_to_the_end_of_the_limit(scripted, subject):
    engine = scripted()
    rates = []
    run = engine.run

    def recorded(*args):
        rates.append(args[6])
        return run(*args)

    engine.run = recorded
    for limit in (Limit(steps=50), Limit(seconds=0.05)):
        rates.clear()
        learned(subject, Learner(engine), limit, seeds=8)
        flat = np.concatenate(rates)
        assert flat.max() == pytest.approx(subject.train.learning_rate)
        assert flat.min() < 0.15 * subject.train.learning_rate


def test_a_run_that_diverges_is_told(scripted, subject, refused):
    engine = scripted()
    engine.losses = lambda state, train, optimizations: np.nan
    with refused("diverged at the learning rate 0.007", EetuiError):
        learned(subject, Learner(engine), Limit(steps=5))


@pytest.mark.parametrize("seeds", [0, 7, 1001])
def test_impossible_seeds(scripted, subject, refused, seeds):
    with refused("seeds must be between 8 and 1000"):
        learned(subject, Learner(scripted()), Limit(steps=5), seeds)


@pytest.mark.parametrize(
    "limit",
    [{"steps": 0}, {"seconds": 0.0}, {"seconds": float("nan")}, {}, {"steps": 1, "seconds": 1.0}],
)
def test_impossible_limits(refused, limit):
    with refused(""):
        Limit(**limit)


def test_a_run_by_seconds_goes_in_stretches_that_double_up_to_five_milliseconds(scripted, subject):
    """And the rate of each falls with the share of the time that is spent."""
    engine = scripted(lambda optimizations, batch: 1.0)
    stretches: list[tuple[int, float]] = []
    run = engine.run

    def recorded(*args):
        stretches.append((len(args[5]), float(args[6][0])))
        assert len(set(args[6].tolist())) == 1
        return run(*args)

    engine.run = recorded
    learned(subject, Learner(engine), Limit(seconds=0.02), seeds=8)
    sizes = [2**i for i in range(13)] + [5000, 5000, 20_000 - 8191 - 10_000]
    assert [n for n, _ in stretches[: len(sizes)]] == sizes
    spent = np.cumsum([0, *sizes[:-1]])
    wanted = subject.train.learning_rate * (1 - spent / 20_000)
    assert [rate for _, rate in stretches[: len(sizes)]] == pytest.approx(wanted, rel=2e-6)
    assert len(stretches) == 2 * 8 * len(sizes)
