"""How the race's Numba kernels are compiled: without the interpreter's lock, and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar, cast

from numba import njit

from eetui.core.config import ModelConfig

F = TypeVar("F", bound=Callable[..., Any])

FAST = {"reassoc", "contract", "arcp", "nsz"}
"""What a C compiler's -ffast-math allows, but that infinities and not-a-numbers stay themselves."""


class Shape(NamedTuple):
    """A transformer in plain numbers, as a kernel takes it."""

    d: int
    n_heads: int
    n_layers: int
    block_size: int
    vocab: int
    squared: bool
    n_params: int


def shape_of(model: ModelConfig) -> Shape:
    """The model's shape for a kernel."""
    return Shape(
        model.d_model,
        model.n_heads,
        model.n_layers,
        model.block_size,
        model.vocab_size,
        model.activation == "relu2",
        model.n_params,
    )


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
