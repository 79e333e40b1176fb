"""Compiling the kernel for a vector width, or loading it from the cache on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from numba import njit, types

from eetui.core.engines.numba.jit_options import OPTIONS
from eetui.core.engines.numba.kernel_cache import keep_on_disk, stamp_of
from eetui.core.engines.numba.machine import (
    float_mode,
    flushing,
    set_float_mode,
)
from eetui.core.engines.numba.step import all_steps
from eetui.core.engines.numba.vectors import lanes, plan_at
from eetui.core.engines.numba.whole_program import compile_whole
from eetui.core.model import muon

Kernel = Callable[[int], int]
Progress = Callable[[str], None]

_SIGNATURE = types.int64(types.int64)
_STAMP = stamp_of([*Path(__file__).parent.glob("*.py"), Path(muon.__file__)])
"""Taken when the sources are imported: a file that is edited while the program runs must not vouch
for machine code of what it held before."""
_lock = threading.Lock()
_ready: dict[int, Kernel] = {}


def source(width: int) -> Callable[[int], int]:
    """The Python source of the kernel for `width` lanes; it closes over that number alone."""

    def train(address: int) -> int:
        plan = plan_at(address)
        mode = float_mode()
        set_float_mode(flushing(mode))
        all_steps(lanes(width), plan)
        set_float_mode(mode)
        return 0

    # Cache files and symbols are named after the function: each width needs names of its own.
    train.__name__ = train.__qualname__ = f"train_x{width}"
    return train


def is_compiled(width: int) -> bool:
    """Whether `kernel(width)` returns at once."""
    return width in _ready


def kernel(width: int, progress: Progress | None = None) -> Kernel:
    """The compiled kernel for `width` lanes: compiles or loads it once; any thread may ask."""
    with _lock:
        if width not in _ready:
            _ready[width] = _build(width, progress)
        return _ready[width]


def _build(width: int, progress: Progress | None) -> Kernel:
    plainly = None
    if progress is not None:
        what = "plain scalar loops" if width == 1 else f"{width} float lanes"
        progress(f"Compiling the Numba kernel for {what} ...")
        plainly = partial(progress, f"This Numba is unknown: compiling for {what} takes longer ...")
    return entry_point(source(width), plainly)


def compiled(source: Callable[[int], int], plainly: Callable[[], None] | None = None) -> Any:
    """Numba's dispatcher of a function of one integer, compiled or loaded from the cache.

    `plainly` is called where it has to be compiled the slow way.
    """

    def make() -> Any:
        return keep_on_disk(njit(**OPTIONS)(source), _STAMP)

    return compile_whole(make, _SIGNATURE, plainly)


def entry_point(source: Callable[[int], int], plainly: Callable[[], None] | None = None) -> Kernel:
    """The compiled function itself, without Numba's choice among signatures."""
    return cast(Kernel, compiled(source, plainly).overloads[_SIGNATURE.args].entry_point)
