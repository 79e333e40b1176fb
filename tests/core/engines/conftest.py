"""One engine of each kind for all tests."""

from __future__ import annotations

import pytest

from eetui.core.engines.native import library
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.engines.numba.engine import NumbaEngine


@pytest.fixture(scope="session")
def engine() -> NumbaEngine:
    """One engine for all tests, so that its scratch sees every shape after every other."""
    return NumbaEngine()


@pytest.fixture(scope="session")
def native() -> NativeEngine:
    """One native engine for all tests; they are skipped where it was not built."""
    if library.find() is None:
        pytest.skip(library.WHY_MISSING)
    return NativeEngine()
