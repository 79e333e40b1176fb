"""Tuning on a clock that the test moves: what is taken, what is not, and when it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from eetui.core.measure import comparison, tuning
from eetui.core.measure.tuning import tune

BASE = 100.0


@pytest.fixture(autouse=True)
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run to measure in is short here."""
    monkeypatch.setattr("eetui.core.measure.timer.MID_RUN_STEPS", 2)


def told(engine, subject, seconds=3.0):
    *_, last = tune(replace(subject, engine="scripted"), engine, seconds, now=engine.clock)
    return last


def slower_without(optimizations, batch):
    """Everything that can be switched off or made narrower costs a tenth."""
    off = sum(
        not on
        for on in (
            optimizations.padding_skip,
            optimizations.fast_exp,
            optimizations.fused,
            optimizations.flush_denormals,
            not optimizations.prefix_sharing,
            optimizations.vector_width == 16,
            optimizations.adam == "vector",
            optimizations.work_order == "batch",
            optimizations.products == "tiles",
        )
    )
    return BASE * 1.1**off


def test_the_engine_s_own_choice_stays_where_it_is_the_fastest(scripted, subject):
    engine = scripted(slower_without)
    last = told(engine, subject)
    assert last.best == engine.default_optimizations()
    assert last.found.toggles == {}
    assert (last.found.engine, last.found.d_model) == ("scripted", subject.model.d_model)
    assert last.found.day == date.today().isoformat()
    assert not any(trial.is_taken for trial in last.trials)


def test_what_is_faster_is_taken_and_what_follows_is_measured_beside_it(scripted, subject):
    def us(optimizations, batch):
        sample = 0.8 if optimizations.work_order == "sample" else 1.0
        return slower_without(replace(optimizations, work_order="batch"), batch) * sample

    last = told(scripted(us), subject)
    assert last.found.toggles == {"work_order": "sample"}
    assert last.found.change_percent == pytest.approx(-20, abs=0.1)
    assert last.found.low <= last.found.change_percent <= last.found.high < 0
    taken = [trial for trial in last.trials if trial.is_taken]
    assert [(t.entry.key, t.value, t.beside) for t in taken] == [("work_order", "sample", "batch")]


def test_where_no_difference_is_found_nothing_changes(scripted, subject):
    rng = np.random.default_rng(1)
    engine = scripted(lambda *_: BASE, lambda _: 1 + 0.02 * rng.standard_normal())
    assert told(engine, subject).found.toggles == {}


def test_a_gain_that_is_gone_when_all_of_it_is_measured_is_not_kept(scripted, subject, monkeypatch):
    engine = scripted(lambda on, _: BASE * (0.9 if on.work_order == "sample" else 1.0))
    fast, compared = comparison.pairs_of, []

    def then_slower(comparison, seconds, now):
        compared.append(seconds)
        if len(compared) == n_trials + 1:
            engine.us = lambda *_: BASE
        return fast(comparison, seconds, now=now)

    n_trials = len(told(scripted(engine.us), subject).trials)
    monkeypatch.setattr(tuning, "pairs_of", then_slower)
    last = told(engine, subject)
    assert last.found.toggles == {}
    assert last.best == engine.default_optimizations()


@pytest.mark.parametrize(
    ("measured", "slower", "kept"), [(16, 1, False), (1, 16, False), (16, 64, True)]
)
def test_what_is_slower_at_another_common_batch_is_not_kept(
    scripted, subject, measured, slower, kept
):
    def us(on, batch):
        return BASE * ((1.05 if batch == slower else 0.9) if on.work_order == "sample" else 1.0)

    trained = replace(subject, train=replace(subject.train, batch=measured))
    found = told(scripted(us), trained).found
    assert found.toggles == ({"work_order": "sample"} if kept else {})


def test_what_changes_learning_more_threads_and_what_cannot_be_are_not_tried(scripted, subject):
    engine = scripted(slower_without)
    engine.never["fast_exp", False] = "Not here."
    tried = {(t.entry.key, t.value) for t in told(engine, subject).trials}
    assert ("fast_exp", False) not in tried
    assert not any(key == "threads" for key, _ in tried)
    assert all(
        trial.entry.kind_of(trial.value) != "learning" for trial in told(engine, subject).trials
    )


def test_it_ends_in_time_unless_the_engine_is_slow(scripted, subject):
    engine = scripted(slower_without)
    told(engine, subject, seconds=3.0)
    assert engine.clock.seconds < 3.3
