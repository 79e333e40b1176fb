"""The smooth line lies in the middle of the points, early and late, at every strength."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.curves.history import Curve, History
from eetui.core.curves.points import loss_points
from eetui.core.curves.smoothing import smoothed

COLUMNS = 142
NOISE = 0.15
FALLS = {
    "exponential": lambda step: 2.05 + 1.25 * np.exp(-step / 500),
    "power": lambda step: 1.5 + 1.8 * (1 + step / 20) ** -0.3,
    "line": lambda step: 3.3 - step / 1e4,
    "constant": lambda step: 2.0 + 0.0 * step,
}


def trained(fall, n_steps, noise=NOISE):
    """A run whose chunks grow to 60 steps, with noise on every step."""
    history, rng, step, n = History(), np.random.default_rng(0), 0, 1
    while step < n_steps:
        n = min(2 * n, 60, n_steps - step)
        steps = np.arange(step + 1, step + n + 1)
        losses = fall(steps) + rng.normal(0, noise, n)
        step += n
        history.add(step, losses.astype(np.float32), 1_000 * n)
    return history.curve()


@pytest.mark.parametrize("smoothing", [0.3, 0.6, 0.9, 0.95])
@pytest.mark.parametrize("n_steps", [3_000, 20_000, 300_000])
@pytest.mark.parametrize("name", FALLS)
def test_the_line_neither_lags_nor_lies_above_the_points(name, n_steps, smoothing):
    curve = trained(FALLS[name], n_steps)
    _, raw = loss_points(curve, "steps", 0.0, COLUMNS)
    x, line = loss_points(curve, "steps", smoothing, COLUMNS)
    assert abs((line - raw).mean()) < 0.0125  # one per cent of the fall
    later = len(x) // 3
    assert np.abs(line - FALLS[name](x))[later:].max() < 4 * NOISE / np.sqrt(60)


@pytest.mark.parametrize("name", FALLS)
def test_without_noise_the_line_is_the_curve(name):
    curve = trained(FALLS[name], 20_000, noise=0.0)
    x, line = loss_points(curve, "steps", 0.9, COLUMNS)
    assert np.abs(line - FALLS[name](x)).max() < 0.02


@pytest.mark.parametrize(("smoothing", "calmer"), [(0.3, 1.3), (0.6, 2), (0.9, 4)])
def test_noise_is_damped_the_more_the_stronger(smoothing, calmer):
    curve = trained(FALLS["constant"], 30_000)
    raw = loss_points(curve, "steps", 0.0, COLUMNS)[1][COLUMNS // 3 :]
    line = loss_points(curve, "steps", smoothing, COLUMNS)[1][COLUMNS // 3 :]
    assert line.std() < raw.std() / calmer


def test_the_line_is_the_same_however_close_one_looks():
    curve = trained(FALLS["power"], 20_000)
    x, near = loss_points(curve, "steps", 0.9, COLUMNS, span=(9_000.0, 11_000.0))
    assert near == pytest.approx(smoothed(curve, x, 0.9))


def test_a_run_that_was_continued_is_smoothed_from_where_it_began():
    steps = np.arange(50_010, 60_010, 10)
    noise = np.random.default_rng(0).normal(0, NOISE, len(steps))
    losses = 2.0 + np.exp(-(steps - 50_000) / 200) + noise
    curve = Curve(steps, steps / 1e4, losses, np.ones(len(steps)))
    x, line = loss_points(curve, "steps", 0.9, COLUMNS)
    assert np.abs(line - 2.0 - np.exp(-(x - 50_000) / 200))[20:].max() < 0.1


def test_one_bucket_is_its_own_line():
    curve = trained(FALLS["line"], 1, noise=0.0)
    assert loss_points(curve, "steps", 0.9, COLUMNS)[1] == pytest.approx(curve.loss)
