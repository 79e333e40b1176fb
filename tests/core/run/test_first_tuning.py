"""The first start tunes beside the training; a person's own toggles are left alone."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from eetui.core.config import TrainConfig
from eetui.core.data.dataset import Dataset, dataset_of
from eetui.core.engines import tuned
from eetui.core.engines.tuned import TunedToggles
from eetui.core.errors import EetuiError
from eetui.core.run.commands import SetBatch, SetOptimization, Undo
from eetui.core.run.first_tuning import FROM_STEP, SLICE_SECONDS
from tests.support.driven import TINY, Run

FOUND = TunedToggles("native", TINY.d_model, "2026-01-01", {"work_order": "sample"}, -9, -10, -8)
NOTHING = TunedToggles("native", TINY.d_model, "2026-01-01")
PAIRS = 5


class Tune:
    """Takes five pairs, each longer than a slice, and finds what a test says."""

    def __init__(self, found: TunedToggles) -> None:
        self.found = found
        self.asked: list[tuple] = []
        self.taken = 0

    def __call__(self, subject, engine, state, now):
        self.asked.append((subject, engine, state))
        for _ in range(PAIRS):
            self.taken += 1
            state.params += 1.0  # it is a copy
            end = perf_counter() + SLICE_SECONDS
            while perf_counter() < end:
                pass
            yield None
        yield self.found


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned.forget_read()
    monkeypatch.setattr(tuned, "tuned_path", lambda: tmp_path / "tuned.json")


@pytest.fixture(scope="module")
def few() -> Dataset:
    return dataset_of("\n".join(["anna", "bob", "carl", "dora"] * 9), "few")


@pytest.fixture
def tuning(few):
    """A run that tunes and finds something, and its measuring."""

    def start(found: TunedToggles = FOUND, **changes) -> tuple[Run, Tune]:
        tune = Tune(found)
        train = TrainConfig(batch=2, steps=100_000)
        return Run(few, train=train, tune=tune, **changes), tune

    return start


def until_tuned(run: Run) -> str:
    """Train on until it is known; gives what was told."""
    while tuned.find("native", TINY.d_model) is None:
        run.train(200)
    notice = run.controller.notices.latest
    return notice.text if notice else ""


def test_what_is_found_is_kept_used_told_and_can_be_taken_back(tuning):
    run, tune = tuning()
    run.train(FROM_STEP)
    assert tune.taken < PAIRS
    told = until_tuned(run)
    assert told == (
        "Tuned here: order of work sample; a sample takes 8 to 10 % less. Undo takes it back."
    )
    assert run.trainer.optimizations.work_order == "sample"
    assert SetOptimization("work_order", "sample") in [e.change for e in run.trainer.log.entries]
    run.train(50)
    run.check()
    run.ask(Undo())
    assert run.trainer.optimizations.work_order == "batch"
    assert len(tune.asked) == 1


def test_a_run_with_toggles_of_its_own_keeps_them(tuning):
    for run, _ in (tuning(assignments=("fast_exp=off",)), tuning()):
        tuned.forget()
        run.ask(SetOptimization("fast_exp", False))
        assert until_tuned(run).startswith("Tuned here, for later starts: order of work sample;")
        assert run.trainer.optimizations.work_order == "batch"


def test_where_nothing_is_faster_nothing_changes(tuning):
    run, _ = tuning(NOTHING)
    assert until_tuned(run) == "Tuned here: the toggles are at their fastest already."
    assert not any(isinstance(e.change, SetOptimization) for e in run.trainer.log.entries)


def test_what_is_known_is_not_measured_again(tuning):
    tuned.keep(FOUND)
    run, tune = tuning()
    run.train(FROM_STEP + 500)
    assert not tune.asked


def test_another_batch_ends_it(tuning):
    run, tune = tuning()
    run.train(FROM_STEP + 1)
    while not tune.asked:
        run.train(1)
    run.ask(SetBatch(4))
    taken = tune.taken
    run.train(500)
    assert tune.taken == taken
    assert tuned.everything() == ()


def test_the_training_goes_on_where_it_cannot_be_kept(tuning, monkeypatch):
    def refuse(found: TunedToggles) -> None:
        raise EetuiError("There is no room.")

    monkeypatch.setattr(tuned, "keep", refuse)
    run, _ = tuning()
    while (notice := run.controller.notices.latest) is None:
        run.train(200)
    assert notice.text == "There is no room."
    step = run.trainer.state.step
    run.train(50)
    assert run.trainer.state.step == step + 50
