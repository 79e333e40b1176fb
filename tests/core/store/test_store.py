"""Runs in the store: written, found, put in order, deleted, restored and pruned."""

from __future__ import annotations

import os
import sqlite3
import threading
from itertools import pairwise
from pathlib import Path
from time import process_time, time

import numpy as np
import pytest

from eetui.core.store.retention import Retention
from eetui.core.store.run_record import COLUMNS, Curves
from eetui.core.store.store import Store

from ...conftest import Refused
from .conftest import Make

NEW = {"cpu": "a CPU", "version": "0.1", "data": "names", "data_fingerprint": "ab12"}


def test_what_was_written_comes_back(store: Store, path: Path, progress: Make) -> None:
    run = store.begin(**NEW)
    made = progress(checkpoint=b"weights", entries=3)
    store.write(run.id, made)
    with Store(path) as other:
        (found,) = other.runs()
        assert (found.id, found.name, found.step, found.status) == (
            run.id, run.name, 500, "running",
        )  # fmt: skip
        assert len(run.name.split()) == 2
        assert found.settings == made.configuration
        assert found.loss == made.loss
        assert len(found.sparks) == 16
        assert found.sparks[0] > found.sparks[-1]
        assert (found.wall_seconds, found.seconds) == (pytest.approx(0.0506), 0.05)
        assert other.state(run.id) == (b"weights", 3)
        assert other.log(run.id) == made.log
        assert other.names(run.id) == made.names
        curves = other.curves(run.id)
        for part in ("loss", "held_out", "wall", "cpu"):
            for name, array in curves.to_json()[part].items():
                assert array == getattr(getattr(made.curves, part), name).tolist()


def test_a_data_file_whose_name_is_no_text_is_found_again(store: Store) -> None:
    name = os.fsdecode(b"/tmp/\xff\xfe [red] \xe6\xbc\xa2.txt")
    run = store.begin(**{**NEW, "data": name})
    assert store.find(run.id).data == name
    store.annotate(run.id, "seen \udcff")
    assert store.find(run.id).note == "seen ?"


def test_a_writing_without_a_state_keeps_the_one_before(store: Store, progress: Make) -> None:
    run = store.begin(**NEW)
    store.write(run.id, progress(checkpoint=b"weights"))
    store.write(run.id, progress(60))
    assert store.state(run.id) == (b"weights", 0)
    assert store.find(run.id).step == 600


def test_a_run_that_was_just_begun_is_there_and_empty(store: Store) -> None:
    run = store.begin(**NEW)
    assert store.runs() == [run]
    assert len(store.curves(run.id).loss.steps) == 0
    assert (store.log(run.id), store.state(run.id), store.names(run.id)) == (None, None, [])


def test_a_run_is_found_by_id_by_its_beginning_by_name_and_as_the_last(
    store: Store, progress: Make, refused: Refused
) -> None:
    one, two = store.begin(**NEW), store.begin(**NEW)
    store.rename(one.id, "Grand Plan")
    store.write(one.id, progress())
    assert store.find(one.id).id == store.find("grand plan").id == store.find("last").id == one.id
    prefix = two.id[:7]
    assert store.find(prefix).id == two.id
    with refused("There is no run nobody"):
        store.find("nobody")
    with refused("There is no run"):
        store.find("")


def test_a_beginning_that_two_runs_have_is_refused(store: Store, refused: Refused) -> None:
    ids = sorted(store.begin(**NEW).id for _ in range(40))
    shared = next(a[0] for a, b in pairwise(ids) if a[0] == b[0])
    with refused("runs ("):
        store.find(shared)


def test_names_that_cannot_be(store: Store, refused: Refused) -> None:
    one, two = store.begin(**NEW), store.begin(**NEW)
    for name in ("", "  ", "x" * 81, "bell\a"):
        with refused("characters that can be printed"):
            store.rename(one.id, name)
    with refused("stands for the latest"):
        store.rename(one.id, "Last")
    with refused("is called"):
        store.rename(one.id, two.name.upper())
    store.rename(one.id, one.name.upper())
    assert store.find(one.id).name == one.name.upper()


def test_deleting_and_restoring(store: Store, progress: Make) -> None:
    run, other = store.begin(**NEW), store.begin(**NEW)
    store.write(run.id, progress(checkpoint=b"weights"))
    store.annotate(run.id, "  keep this  ")
    store.delete([run.id])
    assert [each.id for each in store.runs()] == [other.id]
    (gone,) = store.runs(deleted=True)
    assert (gone.id, gone.note) == (run.id, "keep this")
    assert gone.deleted is not None
    store.restore([run.id])
    assert store.state(run.id) == (b"weights", 0)
    assert {each.id for each in store.runs()} == {run.id, other.id}


def test_pruning_keeps_the_newest_the_young_and_the_pinned(
    store: Store, monkeypatch: pytest.MonkeyPatch, progress: Make
) -> None:
    now = time()
    ids = []
    for age in range(9, -1, -1):
        monkeypatch.setattr("eetui.core.store.store.time", lambda a=age: now - a * 86_400)
        run = store.begin(**NEW)
        store.write(run.id, progress(checkpoint=b"x" * 100_000))
        ids.append(run.id)
    store.pin(ids[0], True)
    store.delete([ids[9]])
    before = store.size
    retention = Retention(newest=3, days=4.5)
    expected = {*ids[1:5], ids[9]}
    assert {run.id for run in store.prunable(retention)} == expected
    assert {run.id for run in store.prune(retention)} == expected
    assert {run.id for run in store.runs()} == set(ids) - expected
    assert store.runs(deleted=True) == []
    assert store.state(ids[1]) is None
    assert store.size < 0.7 * before


def test_two_programs_write_at_once(path: Path, progress: Make) -> None:
    """Each with runs of its own, over connections of their own, and neither loses a writing."""
    failures: list[BaseException] = []

    def use() -> None:
        try:
            with Store(path) as store:
                for _ in range(5):
                    run = store.begin(**NEW)
                    for n in range(1, 6):
                        store.write(run.id, progress(10 * n, checkpoint=bytes(1000)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with Store(path) as store:
        runs = store.runs()
        assert len(runs) == len({run.name for run in runs}) == 20
        assert {run.step for run in runs} == {500}


def test_ten_thousand_runs_are_listed_at_once(store: Store, path: Path, progress: Make) -> None:
    run = store.begin(**NEW)
    store.write(run.id, progress())
    (row,) = store.runs()
    connection = sqlite3.connect(path)  # by the store itself it would take a minute
    places = ", ".join("?" * len(COLUMNS))
    for i in range(10_000):
        copy = row._replace(id=f"{i:08x}", name=f"run {i}", created=row.created + i)
        connection.execute(
            f"INSERT INTO runs VALUES ({places})", [getattr(copy, c) for c in COLUMNS]
        )
    connection.commit()
    connection.close()
    times = []
    for _ in range(3):
        start = process_time()  # whatever else the machine does
        with Store(path) as other:
            runs = other.runs()
        times.append(process_time() - start)
    assert len(runs) == 10_001
    assert runs[0].name == "run 9999"
    assert min(times) < 0.2, f"{np.round(times, 3)} s"


def test_a_run_without_a_curve_has_no_seconds(store: Store, progress: Make) -> None:
    run = store.begin(**NEW)
    store.write(run.id, progress(curves=Curves()))
    (found,) = store.runs()
    assert (found.seconds, found.wall_seconds, found.cpu_seconds) == (0.0, 0.0, 0.0)
