"""The store: a list of runs in one SQLite file that several programs may use at once."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import Any

from eetui.core.errors import UsageError
from eetui.core.files import named
from eetui.core.settings import data_path
from eetui.core.store.retention import Retention
from eetui.core.store.run_names import two_words
from eetui.core.store.run_record import COLUMNS, Curves, RunProgress, Summary, sparks_of
from eetui.core.store.schema import encoded, open_store, told
from eetui.core.text import visible

LATEST = "last"
"""What stands for the run that was written to most recently."""

MOST_NOTE = 10_000
MOST_NAME = 80


class Store:
    """The runs in a file. Raises `EetuiError` where the file cannot be used.

    Not for several threads: each opens its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_store(path)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A change that is made whole or not at all."""
        with told(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with told(self.path):
            return self._connection.execute(query, values).fetchall()

    # -- writing a run down ---------------------------------------------------------------------

    def begin(self, cpu: str, version: str, data: str, data_fingerprint: str) -> Summary:
        """A new run with a name of its own, to be written to from now on."""
        rng = random.SystemRandom()
        now = time()
        with self._writing() as connection:
            name = two_words(rng)
            while connection.execute("SELECT 1 FROM runs WHERE name = ?", (name,)).fetchone():
                name = f"{two_words(rng)} {rng.randrange(10, 100)}"
            run = Summary(
                id=f"{rng.getrandbits(32):08x}", name=name, created=now, updated=now,
                status="starting", cpu=cpu, version=version, instruction_set="",
                configuration="{}", data=data, data_fingerprint=data_fingerprint, step=0,
                loss=None, held_out_loss=None, us_per_step=None, seconds=0.0, wall_seconds=0.0,
                cpu_seconds=0.0, spark="[]", note="", pinned=False, deleted=None,
            )  # fmt: skip
            values = {**run._asdict(), "data": encoded(data)}
            places = ["CAST(? AS TEXT)" if column == "data" else "?" for column in COLUMNS]
            connection.execute(
                f"INSERT INTO runs ({', '.join(COLUMNS)}) VALUES ({', '.join(places)})",
                [values[column] for column in COLUMNS],
            )
        return run

    def write(self, run: str, progress: RunProgress) -> None:
        """Put down how far a run has come, all of it or nothing."""
        curves = progress.curves
        with self._writing() as connection:
            connection.execute(
                "UPDATE runs SET updated = ?, status = ?, instruction_set = ?, configuration = ?, "
                "step = ?, loss = ?, held_out_loss = ?, us_per_step = ?, seconds = ?, "
                "wall_seconds = ?, cpu_seconds = ?, spark = ? WHERE id = ?",
                (
                    time(), progress.status, progress.instruction_set,
                    json.dumps(progress.configuration), progress.step, progress.loss,
                    progress.held_out_loss, progress.us_per_step,
                    float(curves.loss.seconds[-1]) if len(curves.loss.seconds) else 0.0,
                    curves.wall.latest or 0.0, curves.cpu.latest or 0.0,
                    json.dumps(sparks_of(curves.loss)), run,
                ),
            )  # fmt: skip
            connection.execute(
                "INSERT OR REPLACE INTO details (run, curves, names, log) VALUES (?, ?, ?, ?)",
                (run, curves.to_bytes(), json.dumps(progress.names), progress.log),
            )
            if progress.checkpoint is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO states (run, entries, checkpoint) VALUES (?, ?, ?)",
                    (run, progress.entries, progress.checkpoint),
                )

    # -- reading --------------------------------------------------------------------------------

    def runs(self, *, deleted: bool = False) -> list[Summary]:
        """All runs, newest first; with `deleted` those that were deleted and can be restored."""
        which = "NOT NULL" if deleted else "NULL"
        rows = self._rows(
            f"SELECT {', '.join(COLUMNS)} FROM runs WHERE deleted IS {which} ORDER BY created DESC"
        )
        return [*map(Summary._make, rows)]

    def find(self, reference: str, *, deleted: bool = False) -> Summary:
        """The run of that id, beginning of an id, or name; 'last' is the one written to last.

        Raises `UsageError` if there is none, or more than one.
        """
        runs = self.runs(deleted=deleted)
        if reference == LATEST and runs:
            return max(runs, key=lambda run: run.updated)
        wanted = reference.strip().casefold()
        found = [run for run in runs if wanted in (run.id, run.name.casefold())]
        found = found or [run for run in runs if wanted and run.id.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(run.id for run in found[:5])
            raise UsageError(f"{visible(reference)} may be {len(found)} runs ({ids}): give the id.")
        raise UsageError(
            f"There is no run {visible(reference)}: `eetui runs list` names all of them."
        )

    def curves(self, run: str) -> Curves:
        """The curves of a run; empty before the first writing."""
        rows = self._rows("SELECT curves FROM details WHERE run = ?", run)
        return Curves.from_bytes(rows[0][0]) if rows else Curves()

    def names(self, run: str) -> list[dict[str, Any]]:
        """The milestone names of a run: step and text."""
        rows = self._rows("SELECT names FROM details WHERE run = ?", run)
        return list(json.loads(rows[0][0])) if rows else []

    def log(self, run: str) -> str | None:
        """The command log of a run as JSON; None before the first writing."""
        rows = self._rows("SELECT log FROM details WHERE run = ?", run)
        return str(rows[0][0]) if rows else None

    def state(self, run: str) -> tuple[bytes, int] | None:
        """The latest state that was kept of a run, or None.

        It is the bytes of a checkpoint, and how many entries the log had then.
        """
        rows = self._rows("SELECT checkpoint, entries FROM states WHERE run = ?", run)
        return (bytes(rows[0][0]), int(rows[0][1])) if rows else None

    @property
    def size(self) -> int:
        """Bytes of the file, and of the log beside it that is not yet part of it."""
        paths = (self.path, Path(f"{self.path}-wal"))
        return sum(os.path.getsize(path) for path in paths if path.exists())

    # -- keeping order --------------------------------------------------------------------------

    def rename(self, run: str, name: str) -> None:
        """Give a run another name; raises `UsageError` for one that is empty, long or taken."""
        name = " ".join(name.split())
        if not name or len(name) > MOST_NAME or not name.isprintable():
            raise UsageError(f"A run's name has 1 to {MOST_NAME} characters that can be printed.")
        if name.casefold() == LATEST:
            raise UsageError(f"No run can be called {LATEST}, which stands for the latest one.")
        with self._writing() as connection:
            taken = connection.execute(
                "SELECT id FROM runs WHERE name = ? COLLATE NOCASE AND id <> ?", (name, run)
            ).fetchone()
            if taken:
                raise UsageError(f"The run {taken[0]} is called {visible(name)} already.")
            connection.execute("UPDATE runs SET name = ? WHERE id = ?", (name, run))

    def annotate(self, run: str, note: str) -> None:
        """Replace the note of a run; an empty one takes it away. What is no text becomes '?'."""
        if len(note) > MOST_NOTE:
            raise UsageError(f"A note has at most {MOST_NOTE:,} characters.")
        with self._writing() as connection:
            text = note.strip().encode("utf-8", "replace").decode()
            connection.execute("UPDATE runs SET note = ? WHERE id = ?", (text, run))

    def pin(self, run: str, pinned: bool) -> None:
        """Keep a run from being pruned, or no longer."""
        with self._writing() as connection:
            connection.execute("UPDATE runs SET pinned = ? WHERE id = ?", (pinned, run))

    def delete(self, runs: Sequence[str]) -> None:
        """Take runs out of the list; they can be restored until the store is pruned."""
        self._mark(runs, time())

    def restore(self, runs: Sequence[str]) -> None:
        """Put deleted runs back into the list."""
        self._mark(runs, None)

    def _mark(self, runs: Sequence[str], deleted: float | None) -> None:
        with self._writing() as connection:
            connection.executemany(
                "UPDATE runs SET deleted = ? WHERE id = ?", [(deleted, run) for run in runs]
            )

    def prunable(self, retention: Retention) -> list[Summary]:
        """What `prune` would remove: deleted runs, and old ones beyond the newest, not pinned."""
        oldest = time() - retention.days * 86_400
        surplus = [
            run
            for run in [run for run in self.runs() if not run.pinned][retention.newest :]
            if run.updated < oldest
        ]
        return [*self.runs(deleted=True), *surplus]

    def prune(self, retention: Retention) -> list[Summary]:
        """Remove what `prunable` names for good, and give its room back; gives what was removed."""
        removed = self.prunable(retention)
        with self._writing() as connection:
            connection.executemany("DELETE FROM runs WHERE id = ?", [(run.id,) for run in removed])
        with told(self.path):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return removed


def find_store(chosen: str | None) -> Path:
    """The file of the store: the chosen one, else the one in the user's data folder."""
    return named(chosen) if chosen else data_path() / "runs.sqlite"
