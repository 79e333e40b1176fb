"""Several programs write to one store at once, from the moment on at which it is made."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from eetui.core.store.resume import resume
from eetui.core.store.store import Store

STEPS = 150
TRAIN = ("train", "--engine", "numpy", "--d-model", "8", "--batch", "4", "--steps", str(STEPS))
PATIENCE = 120


def test_two_programs_train_into_one_store_while_a_third_reads_and_renames(path: Path) -> None:
    command = [sys.executable, "-m", "eetui.tui", *TRAIN, "--store", str(path)]
    programs = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    renamed = 0
    with Store(path) as store:
        while any(program.poll() is None for program in programs):
            for run in store.runs():
                renamed += 1
                store.rename(run.id, f"run {run.id} {renamed}")
                store.annotate(run.id, f"note {renamed}")
    for program in programs:
        _, errors = program.communicate(timeout=PATIENCE)
        assert program.returncode == 0, errors
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with Store(path) as store:
        runs = store.runs()
        assert len({run.name for run in runs}) == len(runs) == 2
        for run in runs:
            found = resume(store, run.id)
            assert (run.status, run.step, found.state.step) == ("finished", STEPS, STEPS)
            assert run.note.startswith("note") == run.name.startswith("run ")
    assert renamed > 0
