"""Freed memory goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

MIB = 2**20
CHURN = """
import os
from eetui.tui.memory import give_back_what_is_freed

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

give_back_what_is_freed()
before = resident()
del (large := [bytes(2**20)])[:]  # from here on glibc takes a MiB from the heap
kept = []
for _ in range(100):
    large.append(b"x" * 2**20)
    kept.append(b"y" * 30_000)  # what lives on, in between
del large
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_what_was_freed_is_no_longer_taken() -> None:
    done = subprocess.run([sys.executable, "-c", CHURN], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10 * MIB
