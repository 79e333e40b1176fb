"""The peak of a core: multiply-adds that are counted, by a clock that is read."""

from __future__ import annotations

import pytest

from eetui.core import cpu
from eetui.core.engines import peak
from eetui.core.engines.base import Engine


def test_it_is_that_of_vectors_and_stable(engine: Engine) -> None:
    first, second = peak.measure(engine), peak.measure(engine)
    assert first == pytest.approx(second, rel=0.5)
    assert first > 2 * cpu.detect().lanes  # at least one multiply-add a cycle at 1 GHz
