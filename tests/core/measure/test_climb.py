"""The climb on a clock that the test moves: pairs, gains, and rungs that cannot settle."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from eetui.core.measure import climb as climbing
from eetui.core.measure.climb import DEFAULT_ROUNDS, PAIRS_PER_ROUND, WAITS, climb
from eetui.core.optimizations import Optimizations, labels

US = {
    "padding_skip": (1000.0, 600.0),
    "work_order": (400.0, 390.0),
    "fast_exp": (300.0, 180.0),
    "fused": (100.0, 130.0),
}
"""What a toggle adds to a step at its lowest value and else, all different; the others nothing."""


def paced(optimizations, batch: int) -> float:
    low = {"padding_skip": False, "work_order": "sample", "fast_exp": False, "fused": False}
    return sum(
        times[getattr(optimizations, key) != value]
        for (key, value), times in zip(low.items(), US.values(), strict=True)
    )


def climbed(engine, subject, rounds=2, pinned=None, **options):
    return [
        *climb(
            subject,
            pinned,
            rounds,
            engine=engine,
            rng=Random(1),
            rest=engine.clock.rest,
            **options,
        )
    ]


def noisy(size: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    return lambda seconds: rng.lognormal(0, size)


def test_gains_follow_from_the_pairs(scripted, subject):
    last = climbed(scripted(paced, noisy(0.002)), subject)[-1]
    by_key = {rung.key: rung for rung in last.climbed if rung.key not in ("vector_width", "adam")}
    assert by_key[""].us == pytest.approx(1800, rel=0.01)
    assert by_key[""].gain is None
    for key, saved in (("padding_skip", 400 / 1800), ("work_order", 10 / 1400)):
        gain = by_key[key].gain
        assert gain.low < 100 * saved < gain.high
        assert gain.is_some
    assert by_key["fused"].gain.high < 0  # it costs
    assert by_key["fused"].gain.is_some
    assert not by_key["flush_denormals"].gain.is_some  # it does nothing
    assert last.factor(by_key["fast_exp"]) == pytest.approx(1800 / 1270, rel=0.01)
    assert last.together.low < 100 * 500 / 1800 < last.together.high
    assert (last.clock, last.doing, last.progress) == ("cpu", "", 1.0)


def test_every_rung_runs_beside_the_one_below(scripted, subject):
    engine = scripted(paced)
    last = climbed(engine, subject, rounds=1)[-1]
    ways = [rung.optimizations for rung in last.climbed]
    beside = set()
    for (on, first, weights, _), (other, second, own, _) in pairwise(engine.calls):
        if on != other and np.array_equal(first, second) and weights == own:
            beside.add(frozenset((on, other)))
    wanted = {frozenset(pair) for pair in pairwise(ways)}
    assert wanted | {frozenset((ways[0], ways[-1]))} == beside


def test_a_rung_above_one_aside_gains_over_the_rung_below_both(scripted, subject):
    times = {"rows": 1000.0, "tiles": 600.0, "outer": 900.0, "amx": 450.0}
    engine = scripted(lambda optimizations, batch: times[optimizations.products])
    del engine.never["products", "outer"], engine.never["products", "amx"]
    last = climbed(engine, subject, rounds=1)[-1]
    tile, amx = (rung for rung in last.climbed if rung.value in ("outer", "amx"))
    assert tile.gain.estimate == pytest.approx(-50, abs=0.5)  # it costs half as much again
    assert amx.gain.estimate == pytest.approx(25, abs=0.5)
    assert last.together.estimate == pytest.approx(55, abs=0.5)
    assert last.highest is amx
    engine.never["products", "amx"] = "None."
    assert climbed(engine, subject, rounds=1)[-1].together.estimate == pytest.approx(40, abs=0.5)


def test_without_an_ablation_nothing_is_taken_away(scripted, subject):
    assert all(rung.alone is None for rung in climbed(scripted(paced), subject)[-1].rungs)


def test_an_ablation_stands_beside_the_climb(scripted, subject):
    last = climbed(scripted(paced, noisy(0.002)), subject, ablate=True)[-1]
    by_key = {rung.key: rung for rung in last.climbed}
    assert last.is_ablated
    for key in ("padding_skip", "fast_exp", "fused"):
        high, low = US[key]
        assert by_key[key].alone.estimate == pytest.approx(
            100 * (high - low) / (1300 + high - low), abs=0.3
        )
    narrow = next(rung for rung in last.climbed if rung.value == 8)
    assert narrow.alone is None
    assert narrow.gain is not None


def test_a_pinned_toggle_is_held_on_every_rung(scripted, subject):
    engine = scripted(paced)
    last = climbed(engine, subject, rounds=1, pinned={"fast_exp": False, "threads": 2})[-1]
    assert last.pinned == {"fast_exp": "off", "threads": "2"}
    assert not {"fast_exp", "threads"} & {rung.key for rung in last.rungs}
    assert {(o.fast_exp, o.threads) for o, *_ in engine.calls} == {(False, 2)}


def test_rungs_appear_one_after_another_and_it_can_be_left(scripted, subject):
    engine = scripted(paced)
    seen = climbed(engine, subject)
    counts = [len(step.climbed) for step in seen]
    assert counts == sorted(counts)
    assert {0, 2, 3, len(seen[-1].climbed)} <= set(counts)
    progress = [step.progress for step in seen]
    assert progress == sorted(progress)
    assert all(step.doing for step in seen[:-1])
    assert all(step.quickest for step in seen if step.climbed)
    engine.calls.clear()
    for step in climb(subject, engine=engine):
        if step.climbed:
            break
    pairs = sum(np.array_equal(a[1], b[1]) for a, b in pairwise(engine.calls))
    assert pairs < 40 * PAIRS_PER_ROUND


def test_a_rung_with_a_narrow_interval_is_done_early(scripted, subject):
    engine = scripted(paced, noisy(0.0005))
    last = climbed(engine, subject, rounds=DEFAULT_ROUNDS)[-1]
    assert {rung.gain.pairs for rung in last.climbed[1:]} == {PAIRS_PER_ROUND}


def test_it_waits_for_a_quieter_moment(scripted, subject):
    """A neighbour that leaves at the fourth second: rungs that disagreed are measured again."""
    rng = np.random.default_rng(2)
    engine = scripted(paced, lambda seconds: rng.lognormal(0, 0.5 if seconds < 4 else 0.002))
    seen = climbed(engine, subject, rounds=1)
    assert any("quieter moment" in step.doing for step in seen)
    assert 0 < engine.clock.rests < WAITS
    assert all(rung.gain.is_known for rung in seen[-1].climbed[1:])
    assert {rung.key for rung in seen[-1].climbed if rung.gain and rung.gain.is_some} >= {
        "padding_skip",
        "fast_exp",
        "fused",
    }


def test_where_no_moment_is_quiet_there_is_no_figure(scripted, subject):
    engine = scripted(paced, noisy(0.6))
    last = climbed(engine, subject, rounds=1)[-1]
    assert engine.clock.rests == WAITS
    unknown = [rung for rung in last.climbed[1:] if not rung.gain.is_known]
    assert len(unknown) > len(last.climbed) / 2
    assert not any(rung.gain.is_some for rung in unknown)


def test_nothing_to_climb(scripted, subject):
    engine = scripted(paced)
    pinned = {key: getattr(engine.default_optimizations(), key) for key in labels(Optimizations())}
    last = climbed(engine, subject, rounds=1, pinned=pinned)[-1]
    assert len(last.climbed) == 1
    assert not last.together.is_some


@pytest.mark.parametrize("rounds", [0, -1, climbing.MAX_ROUNDS + 1])
def test_impossible_rounds(rounds, refused, scripted, subject):
    with refused("rounds must be between 1 and 1000"):
        climbed(scripted(), subject, rounds)
