"""A flip is measured a few pairs at a time; what is known of it is shown and never lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run.effects import LONGER_SECONDS, SECONDS, SLICE_SECONDS, Effects, Flip
from eetui.core.run.setup import Setup
from eetui.core.verdict import Verdict
from tests.support.present import present
from tests.support.scripted import verdict

MODEL = ModelConfig(d_model=4, n_heads=1)
PAIR_SECONDS = 0.02


class Pairs:
    """Measures on a clock of its own: a pair takes 20 ms, and every third one is a look."""

    def __init__(self, looks: int = 4) -> None:
        self.seconds, self.looks = 0.0, looks
        self.asked: list[tuple] = []

    def __call__(self, engine, before, after, state, seconds) -> Iterator[Verdict | None]:
        self.asked.append((before, after, state, seconds))
        for i in range(3 * self.looks):
            self.seconds += PAIR_SECONDS
            width = 12.0 / (i + 1)
            over = i + 1 == 3 * self.looks
            yield verdict(20 - width, 20 + width, over=over) if i % 3 == 2 else None

    def now(self) -> float:
        return self.seconds


@pytest.fixture
def flip() -> Flip:
    off, on = (
        Setup("numpy", Optimizations(padding_skip=value), MODEL, TrainConfig(batch=4))
        for value in (False, True)
    )
    return Flip("padding_skip", "on", "off", on, off)


@pytest.fixture
def flipped(flip):
    def start(effects: Effects, **options) -> TrainState:
        state = TrainState.create(MODEL, 1)
        effects.flipped(flip, NumpyEngine(), load_dataset(), state, 1e-7, **options)
        return state

    return start


def test_a_slice_takes_a_few_pairs_and_the_verdict_narrows(flipped):
    pairs = Pairs()
    effects = Effects(pairs, pairs.now)
    flipped(effects)
    assert effects.is_measuring
    assert present(effects.effect("padding_skip")).verdict is None
    widths, slices = [], 0
    while effects.is_measuring:
        assert effects.take_pairs() < SLICE_SECONDS + 2 * PAIR_SECONDS
        slices += 1
        known = present(effects.effect("padding_skip")).verdict
        widths.append(known.half_width if known else None)
    assert slices >= 4
    told = [width for width in widths if width is not None]
    assert told == sorted(told, reverse=True)
    effect = present(effects.effect("padding_skip"))
    assert effect.verdict.over
    assert not effect.is_measuring
    assert (effect.before, effect.after, effect.gradient_change) == ("on", "off", 1e-7)
    assert effects.take_pairs() == 0.0


def test_both_sides_start_from_a_copy_of_the_live_weights(flip, flipped):
    pairs = Pairs()
    effects = Effects(pairs, pairs.now)
    state = flipped(effects)
    effects.take_pairs()
    (before, after, copy, seconds) = pairs.asked[0]
    assert before[1] == flip.old.optimizations
    assert after[1] == flip.new.optimizations
    assert before[0].train == flip.old.train
    assert copy is not state
    assert (copy.params == state.params).all()
    assert seconds == SECONDS
    flipped(effects, seconds=LONGER_SECONDS)
    effects.take_pairs()
    assert pairs.asked[-1][-1] == LONGER_SECONDS


def test_the_next_flip_ends_the_measurement_of_the_last(flip, flipped):
    pairs = Pairs()
    effects = Effects(pairs, pairs.now)
    flipped(effects)
    effects.take_pairs()
    effects.take_pairs()
    known = present(effects.effect("padding_skip")).verdict
    batch = Flip("batch", "4", "8", flip.old, flip.new)
    effects.flipped(batch, NumpyEngine(), load_dataset(), TrainState.create(MODEL, 1))
    assert present(effects.effect("padding_skip")).verdict == known
    assert not present(effects.effect("padding_skip")).is_measuring
    assert effects.measured == "batch"


@pytest.mark.parametrize("measure", [None, Pairs()])
def test_without_a_measurement_a_flip_is_told_and_not_judged(flipped, measure):
    effects = Effects(measure)
    flipped(effects, automatic=False)
    effect = present(effects.effect("padding_skip"))
    assert (effect.verdict, effect.is_measuring) == (None, False)
    assert not effects.is_measuring
    assert present(effects.last_flip("padding_skip")).before == "on"


def test_weights_that_are_not_finite_are_not_measured(flip):
    pairs, state = Pairs(), TrainState.create(MODEL, 1)
    state.params[3] = float("nan")
    effects = Effects(pairs, pairs.now)
    effects.flipped(flip, NumpyEngine(), load_dataset(), state)
    assert not effects.is_measuring
