"""The tests of one mutant, in a copy of a process that has imported all that never changes."""

from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

IMPORTED = ("hypothesis", "numba", "numba.core.caching", "numpy", "platformdirs", "pytest",
            "pytest_asyncio", "rich.console", "safetensors.numpy", "sqlite3", "textual.app",
            "textual.widgets", "typer")  # fmt: skip
"""What takes long to import, of that which is not eetui."""
MEMORY_BYTES = 8 << 30
CPU_SECONDS = 60
"""Five times what the tests of any mutant took: a loop without an end is found."""
IDLE_SECONDS = 60
"""For what waits without an end. A busy machine makes nobody idle, only slow."""


def warm_up() -> None:
    """Import here what each mutant would else import anew."""
    for name in IMPORTED:
        importlib.import_module(name)


def outcome(tests: list[str], log: Path) -> str:
    """How the tests end: 'passed', 'failed', or 'no end' after too long. `log` has their words.

    The code to be tested must not have been imported here.
    """
    assert not any(name.startswith("eetui") for name in sys.modules)
    pid = os.fork()
    if pid == 0:
        _test(tests, log)
    idle, code, looked = 0.0, None, monotonic()
    while code is None and idle < IDLE_SECONDS:
        sleep(0.02)
        now = monotonic()
        if now - looked > 1:
            idle = max(idle - 9, 0) if _works(pid) else idle + now - looked
            looked = now
        done, status = os.waitpid(pid, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if done else None
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # and what the tests have left running
    if code is None:
        os.waitpid(pid, 0)
    return "passed" if code == 0 else "no end" if code in (None, -signal.SIGXCPU) else "failed"


def _works(group: int) -> bool:
    """Whether a process of the group runs, or would if the machine had time for it."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(of_group) == group and state in "RD":
                return True
    return False


def _test(tests: list[str], log: Path) -> None:
    code = 1
    try:
        os.setsid()  # no terminal, and all that the tests start can be ended
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
        import pytest

        code = int(pytest.main(["-x", "-n0", "-q", "-p", "no:cacheprovider", *tests]))
    finally:
        sys.stdout.flush()
        os._exit(code)
