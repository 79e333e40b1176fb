"""The one place where Numba's internals are overridden: a kernel is optimised once, as a whole.

Numba puts every function into a library of its own. It links into a library everything that the
function calls, optimises the result and turns it into machine code, and does so again in each
caller, up to the outermost function. Of all this only the outermost code ever runs. Leaving out
the rest cuts the time of compiling to a third, and inlining across all functions makes the code
faster.

What is overridden, for as long as one kernel compiles and under Numba's own lock:

- `Codegen._library_class` makes libraries of our class `_Part`. Their `finalize` links in what the
  function calls and leaves optimising and machine code to the outermost library.
- `Codegen.set_env` writes the address of a function's environment into its machine code. A part
  has none, so the call is left out for it. Kernels never read their environment.

That relies on these names: `JITCodeLibrary.finalize`, `_linking_libraries`, `_final_module`,
`_get_module_for_linking`, `_finalize_dynamic_globals`, `_finalized`, `Codegen._library_class`,
`set_env`, `_engine.is_symbol_defined`. They are the same in Numba 0.61 to 0.68. With a Numba that
has other internals the kernel is compiled the plain way: the same code, but it takes longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

Dispatcher = Any


class _Part(JITCodeLibrary):  # type: ignore[misc]
    """A library that leaves optimising and machine code to the whole that it is linked into."""

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
def _parts_of(name: str) -> Iterator[None]:
    """Compile what is compiled within as parts of the function called `name`."""
    codegen = cpu_target.target_context.codegen()
    set_env = codegen.set_env

    def set_env_of_whole(env_name: str, env: Any) -> None:
        if codegen._engine.is_symbol_defined(env_name):
            set_env(env_name, env)

    with global_compiler_lock:
        codegen._library_class = type("_PartOf", (_Part,), {"whole": name})
        codegen.set_env = set_env_of_whole
        try:
            yield
        finally:
            del codegen._library_class, codegen.set_env


def compile_whole(
    make: Callable[[], Dispatcher], signature: Any, plainly: Callable[[], None] | None = None
) -> Dispatcher:
    """The dispatcher that `make` makes, compiled for one signature as a whole if that is possible.

    `plainly` is told when this Numba's internals are not those that are overridden here.
    """
    dispatcher = make()
    try:
        with _parts_of(dispatcher.py_func.__qualname__):
            dispatcher.compile(signature)
    except Exception:  # Whatever unknown internals do; a fault of the kernel's shows again below.
        if plainly is not None:
            plainly()
        dispatcher = make()
        dispatcher.compile(signature)
    return dispatcher
