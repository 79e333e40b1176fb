"""Compiling as a whole, and the plain way where Numba's internals are others."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from numba import njit, types
from numba.core import codegen

from eetui.core.engines.numba.jit_options import kernel
from eetui.core.engines.numba.machine import out_of_line
from eetui.core.engines.numba.whole_program import compile_whole

SIGNATURE = types.int64(types.int64)
Change = Callable[[pytest.MonkeyPatch], None]


@kernel
def add_one(x: int) -> int:
    out_of_line()
    return x + 1


def add_two(x: int) -> int:
    return add_one(add_one(x))


def assembled(compiles: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the libraries for which Numba makes machine code meanwhile."""
    names: list[str] = []
    add_module = codegen.JITCPUCodegen._add_module

    def recorded(self: Any, module: Any) -> Any:
        names.append(module.name)
        return add_module(self, module)

    with monkeypatch.context() as patch:
        patch.setattr(codegen.JITCPUCodegen, "_add_module", recorded)
        compiles()
    return names


def test_only_the_whole_becomes_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def compiles() -> None:
        dispatcher = compile_whole(
            lambda: njit(nogil=True)(add_two), SIGNATURE, lambda: told.append("plainly")
        )
        assert dispatcher(40) == 42

    whole = assembled(compiles, monkeypatch)
    assert [name for name in whole if "add_one" in name] == []
    assert len([name for name in whole if "add_two" in name]) == 1
    assert told == []


def _renamed(patch: pytest.MonkeyPatch) -> None:
    """A Numba in which a method that we call has another name."""
    library = codegen.CPUCodeLibrary
    scope = dict(vars(codegen))
    source = textwrap.dedent(inspect.getsource(library.finalize))
    exec(source.replace("_get_module_for_linking", "_linkable"), scope)
    patch.setattr(library, "_linkable", library._get_module_for_linking, raising=False)
    patch.setattr(library, "finalize", scope["finalize"])
    patch.delattr(library, "_get_module_for_linking")


def _no_dynamic_globals(patch: pytest.MonkeyPatch) -> None:
    """A Numba that treats dynamic globals elsewhere."""
    library = codegen.CPUCodeLibrary
    scope = dict(vars(codegen))
    source = textwrap.dedent(inspect.getsource(library._finalize_final_module))
    exec(source.replace("self._finalize_dynamic_globals()", "pass"), scope)
    patch.setattr(library, "_finalize_final_module", scope["_finalize_final_module"])
    patch.delattr(library, "_finalize_dynamic_globals")


def _own_libraries(patch: pytest.MonkeyPatch) -> None:
    """A Numba that can't be told what class its libraries are of."""

    def create_library(self: Any, name: str, **options: Any) -> Any:
        return codegen.JITCodeLibrary(self, name, **options)

    patch.setattr(codegen.Codegen, "create_library", create_library)


@pytest.mark.parametrize(
    ("change", "tells"), [(_renamed, True), (_no_dynamic_globals, True), (_own_libraries, False)]
)
def test_with_other_internals_it_is_compiled_plainly(
    change: Change, tells: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    @kernel
    def add_three(x: int) -> int:
        out_of_line()
        return x + 3

    def add_six(x: int) -> int:
        return add_three(add_three(x))

    with monkeypatch.context() as patch:
        change(patch)
        dispatcher = compile_whole(
            lambda: njit(nogil=True)(add_six), SIGNATURE, lambda: told.append("plainly")
        )
        assert dispatcher(36) == 42
    assert told == ["plainly"] * tells
    assert compile_whole(lambda: njit(nogil=True)(add_six), SIGNATURE)(36) == 42


def test_a_fault_of_the_kernel_is_told() -> None:
    def broken(x: int) -> int:
        return x.no_such_thing  # type: ignore[attr-defined]

    with pytest.raises(Exception, match="no_such_thing"):
        compile_whole(lambda: njit(nogil=True)(broken), SIGNATURE)
