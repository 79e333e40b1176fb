"""Where studies are kept: Optuna's storages, SQLite in the user's data folder if none is named."""

from __future__ import annotations

import json
import re
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import named, reason
from eetui.core.settings import data_path
from eetui.core.text import visible

if TYPE_CHECKING:
    from types import ModuleType

    from optuna.storages import BaseStorage

MISSING = "A sweep needs Optuna, which is not installed: pip install 'eetui[sweep]'."
HEARTBEAT_SECONDS = 5
GRACE_SECONDS = 20
"""After so long without a sign of life a driver's points are free for others."""
_URL = re.compile(r"[a-z0-9+]+://")
_NAME = re.compile(r"[\w .:-]{1,80}")
_TABLES = {"studies", "trials", "version_info"}


@dataclass(frozen=True, slots=True)
class Place:
    """url: SQLAlchemy's, or 'journal:FILE'. shown: for people, without a password. name: the study
    in it, or None for the only one."""

    url: str
    shown: str
    name: str | None = None

    @property
    def file(self) -> Path | None:
        """The file that it is, if it is one."""
        for scheme in ("sqlite:///", "journal:"):
            if self.url.startswith(scheme):
                return Path(self.url.removeprefix(scheme))
        return None


def default_path() -> Path:
    """The file of all studies for which no other one is named."""
    return data_path() / "sweeps.sqlite"


def find_place(text: str | None) -> Place:
    """Where a study is: a URL, journal:FILE, a file, or the name of one in the usual file.

    A URL or a file may end in '#NAME' to tell one of several studies in it.
    Raises `UsageError` for a name that cannot be one.
    """
    if text is None:
        return _file(default_path(), None)
    where, _, name = text.partition("#")
    if name and not _NAME.fullmatch(name):
        raise UsageError(f"{visible(name[:80])} is no name of a study: use letters and digits.")
    if _URL.match(where):
        url = where.replace("postgresql://", "postgresql+psycopg://", 1)
        return Place(url, re.sub(r"//[^@/]*@", "//...@", where), name or None)
    if where.startswith("journal:"):
        path = named(where.removeprefix("journal:"))
        return Place(f"journal:{path}", f"journal:{path}", name or None)
    if (
        "/" in where
        or Path(where).suffix in (".db", ".sqlite", ".sqlite3")
        or (where and Path(where).exists())
    ):
        return _file(named(where), name or None)
    if not _NAME.fullmatch(where):
        shown = visible(text[:80]) or "An empty text"
        raise UsageError(f"{shown} is no study: name a file.db, a URL, or a study.")
    return _file(default_path(), where)


def _file(path: Path, name: str | None) -> Place:
    return Place(f"sqlite:///{path}", str(path), name)


def optuna() -> ModuleType:
    """Optuna, loaded when it is first needed; raises `EetuiError` where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise EetuiError(MISSING) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Its warnings are for who writes a program with it, and would be printed across a screen.
    warnings.filterwarnings("ignore", module=r"optuna\.")
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def open_storage(place: Place, *, make: bool) -> BaseStorage:
    """The storage at a place; raises `EetuiError` where it cannot be used.

    make: whether to make one where there is none. Else a file without one is refused, and left as
    it is: another driver may be making it just now.
    """
    library = optuna()
    path = place.file
    if path is not None:
        try:
            if make:
                path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            folder = visible(str(path.parent))
            raise EetuiError(f"The folder {folder} cannot be made: {reason(error)}.") from error
        _require_own(place, path, make=make)
    with told(place):
        if place.url.startswith("journal:"):
            backend = library.storages.journal.JournalFileBackend(str(path))
            journal: BaseStorage = library.storages.JournalStorage(backend)
            return journal
        return _database(library, place.url)


def _require_own(place: Place, path: Path, *, make: bool) -> None:
    """Refuse what another program has written, which Optuna would write its tables into."""
    shown = visible(place.shown)
    found: bool | None = None
    with told(place):
        if path.exists() and not path.is_file():
            raise UsageError(f"The study at {shown} cannot be: that is no file.")
        if path.exists() and path.stat().st_size:
            found = _has_tables(path) if place.url.startswith("sqlite:") else _is_journal(path)
    if found is False:
        raise UsageError(f"{shown} was written by another program: name another file with --study.")
    if not (found or make):
        raise UsageError(
            f"There is no study at {shown}: give a space, such as --lr 0.001..0.03, to begin one."
        )


def _has_tables(path: Path) -> bool | None:
    """Whether a database has Optuna's tables; None where it has none at all."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        found = {str(name) for (name,) in rows}
    return found >= _TABLES if found else None


def _is_journal(path: Path) -> bool:
    """Whether the first line is an entry of Optuna's journal."""
    with path.open("rb") as file:
        try:
            first = json.loads(file.readline(1 << 20))
        except ValueError:
            return False
    return isinstance(first, dict) and "op_code" in first


def _database(library: ModuleType, url: str) -> BaseStorage:
    from sqlalchemy import event

    retry = library.storages.RetryHeartbeatStaleTrialCallback()
    is_file = url.startswith("sqlite:")
    storage = library.storages.RDBStorage(
        url,
        engine_kwargs={"connect_args": {"timeout": 20}} if is_file else {},
        heartbeat_interval=HEARTBEAT_SECONDS,
        grace_period=GRACE_SECONDS,
        heartbeat_stale_trial_callback=retry,
    )
    if is_file:

        def connected(connection: Any, _record: object) -> None:
            # Every commit survives the end of the program; the last may not survive a power cut.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")

        event.listen(storage.engine, "connect", connected)
        storage.engine.dispose()
    found: BaseStorage = storage
    return found


@contextmanager
def told(place: Place) -> Iterator[None]:
    """Turn what a database has to complain about into one sentence."""
    try:
        yield
    except EetuiError:
        raise
    except Exception as error:
        if not _is_about_storage(error):
            raise
        cause = error.__cause__ or error
        words = str(getattr(cause, "orig", None) or cause).strip().split("\n")[0].rstrip(".")
        raise EetuiError(
            f"The study at {visible(place.shown)} cannot be used ({visible(words)})."
        ) from error


def _is_about_storage(error: Exception) -> bool:
    """Whether SQLAlchemy, Optuna's storage or the system complains, and no bug of ours does."""
    module = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError | ImportError) or module in (
        "sqlalchemy",
        "sqlite3",
        "psycopg",
        "alembic",
        "optuna",
        "json",
    )
