"""How the race's Numba kernels are compiled: without the GIL, and cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar, cast

from numba import njit

from eetui.core.config import ModelConfig

F = TypeVar("F", bound=Callable[..., Any])

FAST = {"reassoc", "contract", "arcp", "nsz"}
"""What a C compiler's -ffast-math allows, except that infinities and NaN keep their meaning."""


class Shape(NamedTuple):
    """The numbers of a transformer's configuration that a kernel needs."""

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
    """Compile a function at its first call; everything that it calls must be in its own file.

    Numba decides by the date of that file alone whether a cached kernel is stale. If no cache
    folder can be written, it compiles at every start.
    """

    def wrap(function: F) -> F:
        options = {"error_model": "numpy", "boundscheck": False, "nogil": True}
        dispatcher = njit(fastmath=FAST if fastmath else False, **options)(function)
        with suppress(RuntimeError, OSError):
            dispatcher.enable_caching()
        return cast(F, dispatcher)

    return wrap
