"""Compiling the kernel for a vector width, or loading it from the cache on disk."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

from numba import njit, types
from numba.core import caching
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from eetui.core.engines.numba.machine import (
    float_mode,
    flushing,
    set_float_mode,
)
from eetui.core.engines.numba.options import OPTIONS
from eetui.core.engines.numba.step import all_steps
from eetui.core.engines.numba.vectors import lanes, plan_at

Kernel = Callable[[int], int]

_SIGNATURE = types.int64(types.int64)
_lock = threading.Lock()
_ready: dict[int, Kernel] = {}


@cache
def _source_stamp() -> str:
    """A hash of every source file of this engine: a change in any of them makes a cache stale.

    Taken once, when the sources are imported: a file that is edited while the program runs must
    not vouch for machine code of what it held before.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


_source_stamp()


class _WholeEngine:
    """Numba stamps a cache with the one file that holds the function; this stamps them all."""

    def get_source_stamp(self) -> str:
        return _source_stamp()


class _UserProvided(_WholeEngine, caching.UserProvidedCacheLocator):  # type: ignore[misc]
    pass


class _InTree(_WholeEngine, caching.InTreeCacheLocator):  # type: ignore[misc]
    pass


class _UserWide(_WholeEngine, caching.UserWideCacheLocator):  # type: ignore[misc]
    pass


class _CacheFiles(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_UserProvided, _InTree, _UserWide)


class _Cache(caching.Cache):  # type: ignore[misc]
    """A cache that can only help: a damaged or unwritable file means compiling again."""

    _impl_class = _CacheFiles

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError:
            self.disable()


def source(width: int) -> Callable[[int], int]:
    """The Python source of the kernel for `width` lanes; it closes over that number alone."""

    def train(address: int) -> int:
        plan = plan_at(address)
        mode = float_mode()
        set_float_mode(flushing(mode))
        all_steps(lanes(width), plan)
        set_float_mode(mode)
        return 0

    # Numba names cache files and symbols after the function: each width needs names of its own.
    train.__name__ = train.__qualname__ = f"train_x{width}"
    return train


def cache_folder() -> str:
    """The folder in which compiled kernels are kept, or '' if none can be written."""
    try:
        return str(_Cache(source(1)).cache_path)
    except (RuntimeError, OSError):
        return ""


def is_compiled(width: int) -> bool:
    """Whether `kernel(width)` returns at once."""
    return width in _ready


def kernel(width: int, progress: Callable[[str], None] | None = None) -> Kernel:
    """The compiled kernel for `width` lanes: compiles or loads it once; any thread may ask."""
    with _lock:
        if width not in _ready:
            _ready[width] = _build(width, progress)
        return _ready[width]


def _build(width: int, progress: Callable[[str], None] | None) -> Kernel:
    if progress is not None:
        what = "plain scalar loops" if width == 1 else f"{width} float lanes"
        progress(f"Compiling the Numba kernel for {what} ...")
    return entry_point(source(width))


class _Parts(JITCodeLibrary):  # type: ignore[misc]
    """A library that leaves optimising and machine code to the whole that it is linked into.

    Numba optimises and assembles each function's library with everything below it, and again in
    every caller. Only the outermost one is ever run, so here it alone is; that halves the time.
    """

    whole = ""

    def finalize(self) -> None:
        if self.name == self.whole:
            super().finalize()
            return
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True


@contextmanager
def _compiled_as_one(name: str) -> Iterator[None]:
    """Compile what is compiled within as parts of the function called `name`.

    Holds Numba's own lock, because what is changed here is shared by all that compile.
    """
    codegen = cpu_target.target_context.codegen()
    set_env = codegen.set_env

    def set_env_of_whole(env_name: str, env: Any) -> None:
        if codegen._engine.is_symbol_defined(env_name):
            set_env(env_name, env)

    with global_compiler_lock:
        codegen._library_class = type("_PartsOf", (_Parts,), {"whole": name})
        codegen.set_env = set_env_of_whole
        try:
            yield
        finally:
            del codegen._library_class, codegen.set_env


def compiled(source: Callable[[int], int]) -> Any:
    """Numba's dispatcher of a function of one integer, compiled or loaded from the cache."""
    dispatcher = njit(**OPTIONS)(source)
    try:
        dispatcher._cache = _Cache(source)
    except (RuntimeError, OSError):  # no folder can be written: compile at every start
        dispatcher._cache = caching.NullCache()
    with _compiled_as_one(source.__qualname__):
        dispatcher.compile(_SIGNATURE)
    return dispatcher


def entry_point(source: Callable[[int], int]) -> Kernel:
    """The compiled function itself, without Numba's choice among signatures."""
    return cast(Kernel, compiled(source).overloads[_SIGNATURE.args].entry_point)
