"""The store's file: how it is opened, and how an older one becomes one of today."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import reason
from eetui.core.text import visible

APPLICATION_ID = 0x65657475
"""'eetu': by it SQLite files of other programs are told from a store."""

BUSY_SECONDS = 5.0
"""How long one program waits while another one writes."""

_FIRST = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    status TEXT NOT NULL,
    cpu TEXT NOT NULL,
    version TEXT NOT NULL,
    instruction_set TEXT NOT NULL,
    configuration TEXT NOT NULL,
    data TEXT NOT NULL,
    data_fingerprint TEXT NOT NULL,
    step INTEGER NOT NULL,
    loss REAL,
    held_out_loss REAL,
    us_per_step REAL,
    seconds REAL NOT NULL,
    wall_seconds REAL NOT NULL,
    cpu_seconds REAL NOT NULL,
    spark TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    pinned INTEGER NOT NULL DEFAULT 0,
    deleted REAL
);
CREATE INDEX runs_by_age ON runs (created DESC);
CREATE TABLE details (
    run TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    curves BLOB NOT NULL,
    names TEXT NOT NULL,
    log TEXT NOT NULL
);
CREATE TABLE states (
    run TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    entries INTEGER NOT NULL,
    checkpoint BLOB NOT NULL
);
"""

MIGRATIONS = (_FIRST,)
"""Each script makes a store of the version before it one of the next; a version is their number."""


def open_store(path: Path, migrations: tuple[str, ...] = MIGRATIONS) -> sqlite3.Connection:
    """A connection to the store at `path`, which is made or brought up to date if it must be.

    Raises `UsageError` for a file that is no store or is newer than this program, and `EetuiError`
    where it cannot be opened.
    """
    shown = visible(str(path))
    with told(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise EetuiError(
                f"The folder of the run store {shown} cannot be made ({reason(error)}): name "
                "another file with --store, or use --no-store."
            ) from error
        if path.is_dir():
            raise UsageError(f"The run store {shown} is a folder: name a file with --store.")
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.text_factory = _decoded
        try:
            _prepare(connection, shown, migrations)
        except BaseException:
            connection.close()
            raise
        return connection


def encoded(name: str) -> bytes:
    """The name of a file as the store has it: not every one is text."""
    return name.encode("utf-8", "surrogateescape")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _prepare(connection: sqlite3.Connection, shown: str, migrations: tuple[str, ...]) -> None:
    # In one transaction: another program may be making the store just now.
    connection.execute("BEGIN")
    try:
        version = _version(connection, shown)
    finally:
        connection.execute("ROLLBACK")
    if version > len(migrations):
        raise UsageError(
            f"The run store {shown} was written by a newer eetui (version {version} of the store, "
            f"this one reads up to {len(migrations)}): update eetui, or name another file with "
            "--store."
        )
    _use_write_ahead_log(connection)
    # Every commit survives the end of the program; the last ones may not survive a power cut.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    if version < len(migrations):
        _migrate(connection, shown, migrations)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for a program that changes the mode at the same moment, so this does."""
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.01)


def _version(connection: sqlite3.Connection, shown: str) -> int:
    """The version of a store, 0 for a new file; to be called within a transaction."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (tables or version or application):
        raise UsageError(
            f"{shown} is a database of another program: name another file with --store."
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, shown: str, migrations: tuple[str, ...]) -> None:
    """Bring the store up to date, whole or not at all, while no other program does."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in migrations[_version(connection, shown) :]:  # another may have been quicker
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what SQLite has to complain about into one sentence."""
    shown = visible(os.fspath(path))
    try:
        yield
    except sqlite3.Error as error:
        code = error.sqlite_errorcode & 0xFF if hasattr(error, "sqlite_errorcode") else 0
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise UsageError(
                f"{shown} is damaged or no run store: name another file with --store, or use "
                "--no-store."
            ) from error
        raise EetuiError(
            f"The run store {shown} cannot be used ({visible(str(error))}): name another file "
            "with --store, or use --no-store."
        ) from error
