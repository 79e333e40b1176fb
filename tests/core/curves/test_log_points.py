"""The points of a chart of losses against seconds."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.curves.history import Curve
from eetui.core.curves.log_points import loss_points


def curve(losses, seconds_apart=1.0):
    """A curve of single steps."""
    steps = np.arange(1, len(losses) + 1)
    return Curve(steps, steps * seconds_apart, np.array(losses, float), np.ones(len(losses)))


def test_a_point_is_the_mean_of_a_stretch_that_grows():
    losses = np.linspace(3, 2, 300)
    at, means = loss_points(curve(losses), 20)
    assert (at[0], at[-1]) == (1.0, 300.0)
    assert np.allclose(np.diff(np.log(at)), np.log(300) / 19, atol=1e-6)
    assert means[-1] == pytest.approx(losses[200:].mean())


def test_single_steps_are_averaged_as_soon_as_there_are_some():
    _, means = loss_points(curve([3.0, 2.0, 4.0, 3.5]), 4, least=3)
    assert means[0] == pytest.approx(3.0)
    assert means[-1] == pytest.approx((2.0 + 4.0 + 3.5) / 3)
    _, all_of_them = loss_points(curve([3.0, 2.0, 4.0, 3.5]), 4, least=100)
    assert all_of_them[-1] == pytest.approx(12.5 / 4)
