"""`eetui sweep`: one object, a table, a study that goes on, files, and every way to be refused."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing

import pytest
from pyarrow import parquet

from eetui.core.sweep.storage import find_place, open_storage

QUICK = ("sweep", "--d-model", "8", "--lr", ".005,.01", "--aim", "loss@40", "--workers", "1")


def test_json_has_what_scripts_rely_on(cli, tmp_path):
    files = [str(tmp_path / f"table{suffix}") for suffix in (".csv", ".json", ".parquet")]
    exports = [word for file in files for word in ("--export", file)]
    result = cli(*QUICK, "--seeds", "2", "--json", *exports)
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert (found["aim"], found["runs"], found["trainings"], found["pruned"]) == (
        "loss@40", 2, 4, 0,
    )  # fmt: skip
    assert 0 < found["training_share"] <= 1
    best = found["best"]
    assert best["low"] < best["mean"] < best["high"]
    assert (best["seeds"], best["settings"]["d_model"]) == ([42, 43], 8)
    assert {"seconds", "loss", "settings"} <= found["front"][0].keys()
    with open(files[0]) as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert min(float(row["value"]) for row in rows) == min(best["values"])
    assert parquet.read_table(files[2]).num_rows == 4
    again = cli("sweep", "--study", found["study"], "--json")
    assert json.loads(again.out)["best"] == best
    more = cli("runs", "list", "--json")
    assert len(json.loads(more.out)["runs"]) == 4


def test_a_study_is_a_table_for_people(cli, tmp_path):
    result = cli(*QUICK, "--no-store", "--study", f"journal:{tmp_path / 'study.log'}")
    assert result.code == 0
    for words in ("loss@40", "learning_rate", "the front", "2 of 2 points"):
        assert words in result.out


def test_steps_may_vary(cli, tmp_path):
    quick = ("--workers", "1", "--study", f"journal:{tmp_path / 'study.log'}")
    result = cli("sweep", "--d-model", "8", "--steps", "20,40", "--json", "--no-store", *quick)
    found = json.loads(result.out)
    assert found["aim"] == "loss@steps"
    assert found["best"]["settings"]["steps"] == 40
    assert found["best"]["runs"] == [""]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "Say what varies"),
        (("--lr", "0..1"), "must begin above 0"),
        (("--lr", "1..0.1"), "must rise"),
        (("--batch", "0"), "between 1 and 512"),
        (("--lr", ".01,.02", "--aim", "loss@"), "is none"),
        (("--lr", ".01,.02", "--aim", "time@nan"), "is none"),
        (("--lr", ".01,.02", "--workers", "0"), "greater than or equal to 1"),
        (("--lr", ".01,.02", "--on", "http://x"), "--on takes"),
        (("--lr", ".01,.02", "--study", ""), "no study"),
        (("--lr", ".01,.02", "--study", "/dev/null"), "no file"),
        (("--lr", ".01,.02", "--study", "journal:/"), "no file"),
        (("--lr", ".01,.02", "--study", "x.db#a\x1b[31m"), "no name of a study"),
        (("--lr", ".01,.02", "--study", "a\x1b[31m"), "no study"),
        (("--d-model", "16"), "Nothing varies"),
        (("--lr", "a..b"), "takes numbers"),
        (("--lr", ".001..", "--runs", "1"), "takes numbers"),
        (("--set", "padding_skip"), "KEY=VALUES"),
        (("--set", "nonsense=1,2"), "no setting"),
        (("--lr", ".001..0.01", "--sampler", "grid"), "A grid needs lists"),
        (("--lr", ".001..0.01", "--runs", "0"), "runs must be"),
        (("--lr", ".001..0.01", "--seeds", "0"), "seeds must be"),
        (("--lr", ".001..0.01", "--aim", "best"), "is none"),
        (("--lr", ".001..0.01", "--export", "table.xls"), ".parquet"),
        (("--study", "nobody"), "no study"),
        (("--study", "none.db", "--aim", "loss@10"), "its own aim"),
        (("sweep.txt",), "no study 'sweep.txt'"),
        (("sweep.sh", "--lr", ".1,.2"), "its own space"),
    ],
)
def test_bad_use_is_one_sentence(cli, arguments, part):
    result = cli("sweep", *arguments)
    assert (result.code, result.out) == (2, "")
    assert part in result.err
    assert "Traceback" not in result.err
    assert "\x1b" not in result.err


@pytest.mark.parametrize("more", [("--lr", ".01,.02"), ()], ids=["new", "go on"])
def test_a_file_of_another_program_is_refused_and_left_as_it_is(cli, tmp_path, more):
    database, journal = tmp_path / "others.db", tmp_path / "others.log"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE studies (mine)")
    journal.write_text('{"entry": 1}\n')
    for path, place in ((database, database), (journal, f"journal:{journal}")):
        before = path.read_bytes()
        result = cli("sweep", "--study", place, *more)
        assert (result.code, result.out) == (2, "")
        assert "another program" in result.err
        assert path.read_bytes() == before


def test_a_damaged_study_is_one_sentence(cli, tmp_path):
    path = tmp_path / "study.db"
    open_storage(find_place(str(path)), make=True)
    whole = path.read_bytes()
    path.write_bytes(whole[:5000] + b"?" * (len(whole) - 5000))
    result = cli("sweep", "--study", path)
    assert (result.code, result.out) == (1, "")
    assert "cannot be used" in result.err
    assert len(result.err.splitlines()) == 1


def test_without_optuna_it_says_what_to_install(cli, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    result = cli(*QUICK)
    assert result.code == 1
    assert "pip install 'eetui[sweep]'" in result.err
