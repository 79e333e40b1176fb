"""The engines by name, created on demand so that listing them loads nothing heavy."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from eetui.core.engines.base import Engine
from eetui.core.errors import UsageError

ENGINES = {
    "numba": "eetui.core.engines.numba.engine:NumbaEngine",
    "numpy": "eetui.core.engines.numpy:NumpyEngine",
}
DEFAULT = "numba"


def create(name: str = DEFAULT) -> Engine:
    """The engine called `name`; raises `UsageError` if there is none."""
    if name not in ENGINES:
        raise UsageError(f"There is no engine {name!r}: there are {', '.join(ENGINES)}.")
    module, attribute = ENGINES[name].split(":")
    return cast(Engine, getattr(import_module(module), attribute)())
