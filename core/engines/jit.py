"""How the race's Numba kernels are compiled: without the interpreter's lock, and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def kernel(*, fastmath: bool = False) -> Callable[[F], F]:
    """Compile a function at its first call; all that it calls must lie in its own file.

    That is because Numba takes a cached kernel for stale by the date of that file alone. Where no
    folder can be written, it compiles at every start.
    """

    def wrap(function: F) -> F:
        dispatcher = njit(error_model="numpy", boundscheck=False, nogil=True, fastmath=fastmath)(
            function
        )
        try:
            dispatcher.enable_caching()
        except (RuntimeError, OSError):
            pass
        return cast(F, dispatcher)

    return wrap
