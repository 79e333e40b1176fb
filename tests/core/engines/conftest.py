"""One engine of each kind for all tests, so that its scratch sees every shape after every other."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.engines.native import library
from eetui.core.engines.native.engine import NativeEngine


def named_engine(request: pytest.FixtureRequest, name: str) -> Engine:
    """The engine that all tests share, or a skipped test where it was not built."""
    return request.getfixturevalue("engines")(name)


@pytest.fixture(scope="session")
def engines() -> Callable[[str], Engine]:
    """Engines by name, each created once."""

    @cache
    def create(name: str) -> Engine:
        if name == "native" and library.find() is None:
            pytest.skip(library.WHY_MISSING)
        return registry.create(name)

    return create


@pytest.fixture(scope="session", params=registry.ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Every engine that there is here, one after the other."""
    return named_engine(request, request.param)


@pytest.fixture(scope="session")
def native(request: pytest.FixtureRequest) -> NativeEngine:
    """The native engine; tests of it are skipped where it was not built."""
    found = named_engine(request, "native")
    assert isinstance(found, NativeEngine)
    return found
