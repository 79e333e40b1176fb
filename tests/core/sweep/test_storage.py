"""Where a study may be kept: what is named, what is refused, and what is left alone."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eetui.core.errors import EetuiError, UsageError
from eetui.core.sweep.storage import Place, default_path, find_place, open_storage, optuna, told


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_without_a_name_it_is_the_usual_file():
    place = find_place(None)
    assert place == Place(f"sqlite:///{default_path()}", str(default_path()), None)
    assert place.file == default_path()
    assert default_path().name == "sweeps.sqlite"


@pytest.mark.parametrize(
    ("text", "url", "shown", "name", "where"),
    [
        ("a.db", "sqlite:///{}/a.db", "{}/a.db", None, "a.db"),
        ("a.sqlite", "sqlite:///{}/a.sqlite", "{}/a.sqlite", None, "a.sqlite"),
        ("a.sqlite3#x y", "sqlite:///{}/a.sqlite3", "{}/a.sqlite3", "x y", "a.sqlite3"),
        ("sub/a#b.c:d-e", "sqlite:///{}/sub/a", "{}/sub/a", "b.c:d-e", "sub/a"),
        ("here", "sqlite:///{}/here", "{}/here", None, "here"),
        ("journal:j", "journal:{}/j", "journal:{}/j", None, "j"),
        ("journal:j.log#n", "journal:{}/j.log", "journal:{}/j.log", "n", "j.log"),
        ("mysql://u:p@h/d#n", "mysql://u:p@h/d", "mysql://...@h/d", "n", ""),
        ("postgresql://h/d", "postgresql+psycopg://h/d", "postgresql://h/d", None, ""),
    ],
)
def test_a_file_a_journal_or_a_url(tmp_path, text, url, shown, name, where):
    (tmp_path / "here").touch()
    place = find_place(text)
    assert place.url == url.replace("{}/", "")
    assert place.name == name
    assert place.shown == shown.replace("{}/", "")
    assert place.file == (None if "//h" in text or "@h" in text else Path(where))


def test_any_other_word_is_a_study_in_the_usual_file():
    assert find_place("names") == Place(f"sqlite:///{default_path()}", str(default_path()), "names")
    assert find_place("x" * 80).name == "x" * 80


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "An empty text is no study"),
        ("a*b", "a*b is no study"),
        ("x" * 81, "x" * 80 + " is no study"),
        ("a.db#b*", "b* is no name of a study"),
        ("a.db#" + "x" * 81, "x" * 80 + " is no name of a study"),
    ],
)
def test_what_is_no_name_is_refused(refused, text, words):
    with refused(words):
        find_place(text)


@pytest.mark.parametrize("kind", ["", "journal:"])
@pytest.mark.parametrize("make", [False, True])
def test_what_another_program_wrote_is_left_as_it_is(tmp_path, refused, kind, make):
    path = tmp_path / "other.db"
    if kind:
        path.write_text("[1, 2]\n")
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE studies (x)")
            connection.commit()
    before = path.read_bytes()
    with refused("was written by another program: name another file"):
        open_storage(find_place(f"{kind}{path}"), make=make)
    assert path.read_bytes() == before


@pytest.mark.parametrize("line", ["a text\n", '{"op": 1}\n', '"op_code"\n', "\xff\xfe\n"])
def test_a_journal_begins_with_an_entry_of_optunas(tmp_path, refused, line):
    path = tmp_path / "j.log"
    path.write_text(line, encoding="latin-1")
    with refused("was written by another program"):
        open_storage(find_place(f"journal:{path}"), make=True)


def test_a_journal_that_was_begun_is_gone_on_with(tmp_path):
    path = tmp_path / "j.log"
    place = find_place(f"journal:{path}")
    library = optuna()
    library.create_study(storage=open_storage(place, make=True), study_name="mine")
    assert "op_code" in json.loads(path.read_text().splitlines()[0])
    again = open_storage(place, make=False)
    assert library.get_all_study_names(again) == ["mine"]


@pytest.mark.parametrize("kind", ["", "journal:"])
def test_where_nothing_is_only_a_new_study_makes_something(tmp_path, refused, kind):
    path = tmp_path / "none.db"
    for _ in range(2):
        with refused(f"There is no study at {kind}{path}: give a space"):
            open_storage(find_place(f"{kind}{path}"), make=False)
        assert not path.exists()
    path.touch()
    with refused("There is no study at"):
        open_storage(find_place(f"{kind}{path}"), make=False)
    assert path.read_bytes() == b""


def test_what_is_no_file_is_refused(tmp_path, refused):
    os.mkfifo(tmp_path / "pipe.db")
    for make in (False, True):
        with refused("cannot be: that is no file"):
            open_storage(find_place(str(tmp_path / "pipe.db")), make=make)


def test_its_folder_is_made_for_a_new_study_alone(tmp_path, refused):
    place = find_place(f"journal:{tmp_path}/a/b/j.log")
    with refused("There is no study at"):
        open_storage(place, make=False)
    assert not (tmp_path / "a").exists()
    open_storage(place, make=True)
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with refused("cannot be made", EetuiError):
        open_storage(find_place(f"{tmp_path}/file/sub/a.db"), make=True)


def test_a_database_is_written_ahead_and_waits_for_others(file):
    storage: Any = open_storage(find_place(file), make=False)
    with storage.engine.connect() as connection:
        ask = connection.exec_driver_sql
        assert ask("PRAGMA journal_mode").scalar() == "wal"
        assert ask("PRAGMA synchronous").scalar() == 1  # NORMAL
        assert ask("PRAGMA busy_timeout").scalar() == 20_000
    assert storage.get_heartbeat_interval() == 5
    assert storage.grace_period == 20
    assert storage.get_heartbeat_stale_trial_callback() is not None


def test_a_complaint_of_the_storage_is_a_sentence_and_a_bug_of_ours_stays_one(refused):
    place = find_place("a.db#x")
    for error in (sqlite3.OperationalError("disk I/O error\nmore."), OSError("gone.")):
        words = str(error).split("\n")[0].rstrip(".")
        with refused(f"a.db cannot be used ({words})", EetuiError), told(place):
            raise error
    with pytest.raises(UsageError, match="mine"), told(place):
        raise UsageError("mine")
    with pytest.raises(ZeroDivisionError), told(place):
        raise ZeroDivisionError("a bug")


def test_a_complaint_has_the_words_of_its_cause(refused):
    with refused("cannot be used (locked)", EetuiError), told(find_place("a.db")):
        try:
            raise sqlite3.OperationalError("locked")
        except sqlite3.OperationalError as error:
            raise OSError("around it") from error


def test_without_optuna_a_sentence_says_how_to_get_it(monkeypatch, refused):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with refused("pip install 'eetui[sweep]'", EetuiError):
        optuna()
