"""Trainings as runs of the store: what is kept of each, and what happens when the store fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eetui.core import cpu
from eetui.core.data.dataset import dataset_of
from eetui.core.errors import EetuiError
from eetui.core.store.store import Store
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.job import Job, JobResult
from eetui.core.sweep.job_trainer import JobTrainer
from eetui.core.sweep.keeping import RunRecord
from eetui.core.sweep.space import Value
from eetui.core.version import version

DATA = dataset_of("\n".join(a + b for a in "abcdefgh" for b in "abcdefgh"), "pairs")


@pytest.fixture(scope="module")
def result() -> JobResult:
    settings: dict[str, Value] = {"d_model": 4, "n_heads": 1, "engine": "numpy", "batch": 2}
    return JobTrainer(DATA).train(Job(3, 7, settings, parse_aim("loss@20")))


@pytest.mark.parametrize(
    ("ending", "status"),
    [("done", "finished"), ("missed", "finished"), ("stopped", "closed"), ("diverged", "diverged")],
)
def test_a_training_is_a_run_of_its_study(tmp_path, result, ending, status):
    record = RunRecord(tmp_path / "runs.sqlite", DATA, "amber heron")
    assert record.problem == ""
    made = replace(result, ending=ending, seconds=0.5, steps=20)
    run = record.add(made)
    record.close()
    record.close()
    with Store(tmp_path / "runs.sqlite") as store:
        (found,) = store.runs()
        assert (found.id, found.status) == (run, status)
        assert (found.cpu, found.version) == (cpu.detect().name, version())
        assert found.data_fingerprint == DATA.fingerprint
        assert found.data.endswith("pairs")
        assert found.settings["study"] == "amber heron"
        assert found.settings["d_model"] == 4
        assert (found.step, found.us_per_step) == (20, pytest.approx(25_000.0, rel=1e-9))
        assert (found.loss, found.held_out_loss) == (made.loss, made.held_out)
        assert made.kept is not None
        assert store.log(run) == made.kept.log
        assert store.names(run) == []
        assert len(store.curves(run).loss.steps) > 0


def test_what_was_not_trained_is_no_run(tmp_path, result):
    record = RunRecord(tmp_path / "runs.sqlite", DATA, "s")
    assert record.add(replace(result, kept=None)) == ""
    for ending in ("failed", "withdrawn"):
        assert record.add(replace(result, ending=ending)) == ""
    assert record.add(replace(result, steps=0)) != ""
    record.close()
    with Store(tmp_path / "runs.sqlite") as store:
        (found,) = store.runs()
        assert found.us_per_step is None


def test_a_store_that_cannot_be_opened_is_told_and_the_sweep_goes_on(tmp_path, result):
    record = RunRecord(tmp_path, DATA, "s")
    assert "is a folder" in record.problem
    assert record.add(result) == ""
    record.close()


def test_a_store_that_fails_later_is_told_and_let_go(tmp_path, result, monkeypatch):
    record = RunRecord(tmp_path / "runs.sqlite", DATA, "s")
    assert record.add(result)

    def full(*_: object) -> None:
        raise EetuiError("The disk is full.")

    monkeypatch.setattr(Store, "write", full)
    assert record.add(result) == ""
    assert record.problem == "The disk is full."
    monkeypatch.undo()
    assert record.add(result) == ""  # it was let go
