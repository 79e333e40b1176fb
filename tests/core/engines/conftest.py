"""One engine of each kind for all tests, so that its scratch sees every shape after every other."""

from __future__ import annotations

import pytest

from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.engines.native import library
from eetui.core.engines.native.engine import NativeEngine


@pytest.fixture(scope="session")
def native() -> NativeEngine:
    """The native engine; tests of it are skipped where it was not built."""
    if library.find() is None:
        pytest.skip(library.WHY_MISSING)
    return NativeEngine()


@pytest.fixture(scope="session", params=registry.ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Every engine that there is here, one after the other."""
    if request.param == "native":
        found: Engine = request.getfixturevalue("native")
        return found
    return registry.create(request.param)
