"""What the C library does with freed memory: a screen that is open for hours gives it back."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""glibc's numbers for its settings (mallopt(3))."""
LARGE_BYTES = 64 << 10


def give_back_what_is_freed() -> None:
    """Blocks of 64 KiB and more go back to the system as soon as they are freed.

    glibc raises this limit by itself with each large block that is freed, up to 32 MiB, and has a
    heap for each thread. So copies of weights and data in between small objects would keep what
    they once took. Other C libraries stay as they are.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, LARGE_BYTES)
        mallopt(_ARENA_MAX, 1)
