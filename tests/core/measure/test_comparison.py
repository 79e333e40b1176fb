"""Two arms in pairs, on a clock that the test moves: what is run, and how often it errs."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from eetui.core.engines.subject import Subject
from eetui.core.measure.comparison import BLOCK_US, Arm, Comparison, compare
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.verdict import LEAST_PAIRS

TRIALS = 100


def padding(us_off: float, us_on: float):
    return lambda optimizations, batch: us_on if optimizations.padding_skip else us_off


def comparison(engine, arm, seed=0, **options) -> Comparison:
    a, b = arm(engine, padding_skip=False), arm(engine, padding_skip=True)
    state = TrainState.create(a.subject.model, 1)
    state.step = 500
    return Comparison(a, b, state, rng=Random(seed), **options)


def test_a_pair_is_four_blocks_in_turn_on_the_same_ground(scripted, arm):
    engine = scripted(padding(20.0, 10.0))
    both = comparison(engine, arm)
    orders, drawn = set(), []
    for _ in range(20):
        engine.calls.clear()
        both.take_pair()
        order = "".join("b" if on.padding_skip else "a" for on, *_ in engine.calls)
        assert order in ("abba", "baab")
        orders.add(order)
        _, first, weights, step = engine.calls[0]
        for _, documents, own, own_step in engine.calls[1:]:
            assert np.array_equal(documents, first)
            assert (own, own_step) == (weights, step)
        assert step == 500
        drawn.append(first.tobytes())
    assert len(orders) == 2
    assert len(set(drawn)) == 20


def test_blocks_are_calibrated(scripted, arm):
    engine = scripted(padding(20.0, 10.0))
    both = comparison(engine, arm)
    assert both.tried_us == pytest.approx((20 / 4, 10 / 4))
    engine.calls.clear()
    both.take_pair()
    assert {len(documents) for _, documents, *_ in engine.calls} == {round(BLOCK_US / 15)}
    slow = scripted(padding(9e6, 4e6))
    both = comparison(slow, arm)
    slow.calls.clear()
    both.take_pair()
    assert {len(documents) for _, documents, *_ in slow.calls} == {1}


def test_the_faster_arm_gets_a_block_that_is_not_all_start(scripted, arm):
    engine = scripted(padding(5000.0, 10.0))
    both = comparison(engine, arm)
    engine.calls.clear()
    both.take_pair()
    assert {len(documents) for _, documents, *_ in engine.calls} == {100}


def test_another_batch_goes_through_the_same_documents(scripted, subject):
    engine = scripted(lambda optimizations, batch: 10.0 + batch)
    wide = Subject(subject.dataset, subject.model, replace(subject.train, batch=16))
    a, b = (Arm("", each, engine, Optimizations()) for each in (subject, wide))
    both = Comparison(a, b, TrainState.create(subject.model, 1), rng=Random(0))
    engine.calls.clear()
    both.take_pair()
    by_batch = {documents.shape[1]: documents for _, documents, *_ in engine.calls}
    n = min(by_batch[4].size, by_batch[16].size)
    assert np.array_equal(by_batch[4].ravel()[:n], by_batch[16].ravel()[:n])
    assert max(by_batch[4].size, by_batch[16].size) - n < 16
    for _ in range(LEAST_PAIRS):
        both.take_pair()
    expected = (26 / 16) / (14 / 4)  # time per sample, not per step
    assert both.verdict().estimate == pytest.approx(100 * (expected - 1), abs=0.1)


def test_an_engine_without_a_thread_clock_is_timed_by_the_wall(scripted, arm):
    assert comparison(scripted(), arm).clock == "cpu"
    engine = scripted(padding(20, 10), share=0.25, has_cpu_clock=False)
    both = comparison(engine, arm)
    assert both.clock == "wall"
    both.take_pair()
    assert both.us_per_sample(0) == pytest.approx([20 / 4 / 0.25] * 2, rel=0.01)


def test_a_shared_core_does_not_show_by_the_thread_clock(scripted, arm):
    engine = scripted(padding(20, 10), share=0.25)
    both = comparison(engine, arm)
    both.take_pair()
    assert both.us_per_sample(0) == pytest.approx([5.0] * 2, rel=0.01)


def test_it_narrows_and_ends_when_it_is_narrow(scripted, arm):
    rng = np.random.default_rng(3)
    engine = scripted(padding(20, 13.2), lambda seconds: rng.lognormal(0, 0.01))
    seen = [*compare(comparison(engine, arm), 60.0, now=engine.clock)]
    assert seen[0].pairs == LEAST_PAIRS
    assert [v.over for v in seen] == [False] * (len(seen) - 1) + [True]
    assert seen[-1].settled
    assert seen[-1].half_width < seen[0].half_width
    assert seen[-1].seconds < 1.0
    assert seen[-1].words == "faster"
    assert seen[-1].low < -34.0 < seen[-1].high


def test_it_ends_when_the_time_is_up(scripted, arm):
    rng = np.random.default_rng(3)
    engine = scripted(padding(20, 20), lambda seconds: rng.lognormal(0, 0.2))
    *_, last = compare(comparison(engine, arm), 0.5, now=engine.clock)
    assert last.over
    assert not last.settled
    assert 0.5 <= last.seconds < 0.52
    assert last.pairs == pytest.approx(0.5 / 6e-3, rel=0.5)


def test_slow_arms_get_as_many_pairs_as_an_interval_takes(scripted, arm):
    engine = scripted(padding(2e6, 1e6))
    *_, last = compare(comparison(engine, arm), 1.0, now=engine.clock)
    assert last.pairs == LEAST_PAIRS
    assert last.words == "faster"


# -- how often it errs: whole measurements, early stop and all, under noise of many kinds --------


def quiet(rng):
    return lambda seconds: rng.lognormal(0, 0.012)


def spikes(rng):
    return lambda seconds: (
        rng.lognormal(0, 0.008) * (1 + (rng.random() < 0.08) * rng.exponential(2))
    )


def drift(rng):
    start, speed = rng.random(), rng.normal()

    def factor(seconds):
        waves = 1 + 0.2 * np.sin(9 * seconds + start)
        return rng.lognormal(0, 0.008) * (1 + 0.3 * speed * seconds) * waves

    return factor


def bursts(rng):
    """A busy neighbour: for stretches of about 50 ms everything takes a third longer."""
    state = {"until": 0.0, "slow": False}

    def factor(seconds):
        if seconds >= state["until"]:
            state["slow"] = not state["slow"]
            state["until"] = seconds + rng.exponential(0.05)
        return rng.lognormal(0, 0.01) * (1.33 if state["slow"] else 1.0)

    return factor


def heavy(rng):
    return lambda seconds: float(np.exp(0.006 * np.clip(rng.standard_t(1.5), -60, 60)))


NOISE = [quiet, spikes, drift, bursts, heavy]


@pytest.mark.parametrize("noise", NOISE)
def test_the_whole_measurement_covers_the_truth(scripted, arm, noise):
    covered = 0
    for trial in range(TRIALS):
        truth = -0.34 * (trial % 2)
        engine = scripted(
            padding(15.0, 15.0 * (1 + truth)), noise(np.random.default_rng([7, trial]))
        )
        *_, last = compare(comparison(engine, arm, trial), 0.35, now=engine.clock)
        covered += last.low <= 100 * truth <= last.high
    assert covered >= 0.95 * TRIALS


def test_one_per_cent_is_found_in_a_second(scripted, arm):
    found = 0
    for trial in range(60):
        engine = scripted(padding(15.0, 15.15), quiet(np.random.default_rng([5, trial])))
        *_, last = compare(comparison(engine, arm, trial), 1.0, now=engine.clock)
        found += last.words == "slower"
    assert found >= 57


@pytest.mark.parametrize("throttled", [False, True])
def test_a_few_throttled_blocks_of_one_side_do_not_decide(scripted, arm, throttled):
    """One block in ten of the second arm is slowed to a half: no mean would bear it."""
    rng = np.random.default_rng(11)

    def us(optimizations, batch):
        slowed = optimizations.padding_skip and rng.random() < 0.1
        return 15.0 * rng.lognormal(0, 0.006) * (2.0 if slowed else 1.0)

    engine = scripted(us)
    *_, last = compare(comparison(engine, arm), 0.5, now=engine.clock)
    assert abs(last.estimate) < 1.0
    assert last.low < 0.5
