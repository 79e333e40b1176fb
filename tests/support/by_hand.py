"""How near a figure must be to what was worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest


def approx(values: Any) -> Any:
    return pytest.approx(values, rel=1e-12)
