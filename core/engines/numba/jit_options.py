"""How the kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from numba.core.extending import register_jitable

F = TypeVar("F", bound=Callable[..., object])

OPTIONS = {"error_model": "numpy", "boundscheck": False, "nogil": True}


def kernel(function: F) -> F:
    """A function that other kernels call.

    It is an overload, not a dispatcher: overloads are compiled for the plain integer type first,
    so a call with a literal number does not compile a copy of its own.
    """
    wrapped: F = register_jitable(**OPTIONS)(function)
    return wrapped
