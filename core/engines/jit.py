"""How the race's Numba kernels are compiled: without the interpreter's lock, and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

FAST = {"reassoc", "contract", "arcp", "nsz"}
"""What a C compiler's -ffast-math allows, but that infinities and not-a-numbers stay themselves."""


def kernel(*, fastmath: bool) -> Callable[[F], F]:
    """Compile a function at its first call; all that it calls must lie in its own file.

    That is because Numba takes a cached kernel for stale by the date of that file alone. Where no
    folder can be written, it compiles at every start.
    """

    def wrap(function: F) -> F:
        options = {"error_model": "numpy", "boundscheck": False, "nogil": True}
        dispatcher = njit(fastmath=FAST if fastmath else False, **options)(function)
        with suppress(RuntimeError, OSError):
            dispatcher.enable_caching()
        return cast(F, dispatcher)

    return wrap
