"""The losses of the last hundred steps."""

from __future__ import annotations

import pytest

from eetui.core.curves.last_losses import LastLosses


def test_the_mean_is_that_of_the_last_hundred():
    last = LastLosses()
    last.add([9.0] * 50)
    last.add([2.0] * 99)
    last.add([3.0])
    assert len(last) == 100
    assert last.latest == 3.0
    assert last.mean == pytest.approx(2.01)
