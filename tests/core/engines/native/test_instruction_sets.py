"""One unit of the library for each instruction set, picked by the width of the vectors."""

from __future__ import annotations

from itertools import pairwise

import pytest

from eetui.core.engines.native import library
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.errors import EngineError
from tests.conftest import Refused
from tests.support.ways import each_width


def test_wider_vectors_come_from_wider_units(native: NativeEngine) -> None:
    ways = each_width(native)
    widths = [on.vector_width for on in ways]
    assert widths[0] == 1
    assert native.default_optimizations().vector_width == widths[-1]
    sets = [native.instruction_set(on) for on in ways]
    assert sets[0] == "scalar"
    assert all(a != b for a, b in pairwise(sets))
    assert all(
        text.endswith(f" x{width}") for text, width in zip(sets[1:], widths[1:], strict=True)
    )


def test_an_older_instruction_set_can_be_asked_for(
    native: NativeEngine, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    units = library.load().usable_units()
    for unit in units:
        monkeypatch.setenv("EETUI_ISA", unit.name.upper())
        engine = NativeEngine()
        assert engine.default_optimizations().vector_width == unit.lanes
        wider = [other.lanes for other in units if other.lanes > unit.lanes]
        assert all(engine.why_not("vector_width", lanes) for lanes in wider)
    monkeypatch.setenv("EETUI_ISA", "mmx")
    with refused("EETUI_ISA is 'mmx', but this build has scalar", EngineError):
        NativeEngine()
