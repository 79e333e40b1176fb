"""The Numba engine alone."""

from __future__ import annotations

import pytest

from eetui.core.engines.numba.engine import NumbaEngine


@pytest.fixture(scope="session")
def engine() -> NumbaEngine:
    """One engine for all tests."""
    return NumbaEngine()
