"""The engines by name, created on demand so that listing them loads nothing heavy."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from eetui.core.errors import UsageError
from eetui.core.text import told

if TYPE_CHECKING:
    from eetui.core.engines.base import Engine

ENGINES = {
    "native": "eetui.core.engines.native.engine:NativeEngine",
    "numba": "eetui.core.engines.numba.engine:NumbaEngine",
    "numpy": "eetui.core.engines.numpy:NumpyEngine",
}


def default() -> str:
    """The engine where none is asked for: native where it was built, else numba."""
    from eetui.core.engines.native.library import find

    return "numba" if find() is None else "native"


def require(name: str) -> str:
    """`name` itself; raises `UsageError` if no engine is called so."""
    if name not in ENGINES:
        raise UsageError(f"There is no engine {told(name)}: there are {', '.join(ENGINES)}.")
    return name


def create(name: str) -> Engine:
    """The engine called `name`; raises `UsageError` if there is none.

    The native one raises `EngineError` where it was not built.
    """
    module, attribute = ENGINES[require(name)].split(":")
    return cast("Engine", getattr(import_module(module), attribute)())
