"""A store's file: new, of today, older, newer, damaged, or of another program."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eetui.core.errors import EetuiError
from eetui.core.store.schema import MIGRATIONS, open_store

from ...conftest import Refused

ONE_MORE = (*MIGRATIONS, "ALTER TABLE runs ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'")

RUN = (
    "INSERT INTO runs (id, name, created, updated, status, cpu, version, instruction_set, "
    "configuration, data, data_fingerprint, step, seconds, wall_seconds, cpu_seconds, spark) "
    "VALUES ('00c0ffee', 'calm heron', 1, 2, 'paused', '', '', '', '{}', 'names', '', 7, 0, 0, 0, "
    "'[]')"
)


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(found)


@pytest.mark.parametrize("first", range(1, len(MIGRATIONS) + 1))
def test_a_store_of_every_version_is_brought_up_to_date_with_its_runs(
    path: Path, first: int
) -> None:
    old = open_store(path, MIGRATIONS[:first])
    old.execute(RUN)
    old.close()
    opened = open_store(path, ONE_MORE)
    rows = opened.execute("SELECT id, step, colour FROM runs").fetchall()
    assert rows == [("00c0ffee", 7, "blue")]
    opened.close()
    assert version(path) == len(ONE_MORE)


def test_a_migration_that_fails_leaves_the_store_as_it_was(path: Path) -> None:
    old = open_store(path)
    old.execute(RUN)
    old.close()
    with pytest.raises(EetuiError, match="cannot be used"):
        open_store(path, (*ONE_MORE, "ALTER TABLE nothing ADD COLUMN x"))
    assert version(path) == len(MIGRATIONS)
    opened = open_store(path)
    assert opened.execute("SELECT * FROM runs").fetchone()
    opened.close()


def test_a_newer_store_is_refused_in_a_sentence(path: Path, refused: Refused) -> None:
    open_store(path, ONE_MORE).close()
    with refused("written by a newer eetui"):
        open_store(path)
    assert version(path) == len(ONE_MORE)


@pytest.mark.parametrize("content", [b"hello there, this is no database", b"\0" * 4096])
def test_what_is_no_store_is_refused_and_left_alone(
    tmp_path: Path, refused: Refused, content: bytes
) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with refused("no run store"):
        open_store(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(
    tmp_path: Path, refused: Refused
) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE things (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with refused("of another program"):
        open_store(path)
    assert path.read_bytes() == before


def test_places_where_no_store_can_be(tmp_path: Path, refused: Refused) -> None:
    with refused("is a folder"):
        open_store(tmp_path)
    (tmp_path / "file").touch()
    with refused("cannot be made", EetuiError):
        open_store(tmp_path / "file" / "runs.sqlite")


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    open_store(path).close()
    assert version(path) == len(MIGRATIONS)


def test_a_store_that_another_program_keeps_to_itself_is_waited_for_and_told_of(
    path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(1000))
    monkeypatch.setattr("eetui.core.store.schema.monotonic", lambda: float(next(now)))
    pauses: list[float] = []
    monkeypatch.setattr("eetui.core.store.schema.sleep", pauses.append)
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE x (y)")
        other.execute("DROP TABLE x")
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM sqlite_master").fetchall()  # it reads, and stays
        with refused("cannot be used (database is locked)", EetuiError):
            open_store(path)
    assert pauses == [0.01] * 5
    open_store(path).close()
