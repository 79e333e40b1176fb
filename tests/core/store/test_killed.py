"""Killed at any moment, a program leaves a whole store behind that misses two seconds at most.

EETUI_KILLS=200 kills as many times; by default it is a few.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep, time

import pytest

from eetui.core.store.resume import resume
from eetui.core.store.store import Store

KILLS = int(os.environ.get("EETUI_KILLS", "3"))
TRAIN = (
    *("train", "--engine", "numpy", "--d-model", "8", "--batch", "4", "--steps", "1000000"),
    "--jsonl",
)
MOST_MISSING = 2.0
PATIENCE = 300.0
"""Seconds for a program to begin, on a machine that has much else to do."""


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_kill_leaves_a_whole_store(path: Path, seed: int) -> None:
    command = [sys.executable, "-m", "eetui.tui", *TRAIN, "--store", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _wait_for_a_run(path, process)
        sleep(random.Random(seed).uniform(0.0, 1.5))  # the moment is the point
    finally:
        process.kill()
        killed = time()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with Store(path) as store:
        (run,) = store.runs()
        assert killed - run.updated < MOST_MISSING
        found = resume(store, run.id)
        assert found.state.step == found.log.step == run.step > 0


def _wait_for_a_run(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        assert process.poll() is None, process.stderr and process.stderr.read()
        with Store(path) as store:
            if any(run.step for run in store.runs()):
                return
        sleep(0.05)
    raise AssertionError("no run was ever written")
