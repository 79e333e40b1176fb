"""Muon's oracle against what it is said to do: singular values, and Adam beside the blocks."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.model import reference
from eetui.core.model.muon import COEFFICIENTS, MOMENTUM, blocks, muon, orthogonalized
from eetui.core.model.state import views

MODEL = ModelConfig(d_model=8, n_heads=2, n_layers=2, block_size=5, vocab_size=7)
TRAIN = TrainConfig()


@pytest.mark.parametrize("shape", [(8, 24), (8, 8), (32, 8), (1, 5)])
def test_singular_values_come_near_to_one_and_their_directions_stay(shape: tuple[int, int]) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    a, b, c = COEFFICIENTS
    values = s / np.linalg.norm(s)
    for _ in range(3):
        values = a * values + b * values**3 + c * values**5
    np.testing.assert_allclose(orthogonalized(x), u * values @ vt, atol=1e-5)
    np.testing.assert_allclose(orthogonalized(1e3 * x), orthogonalized(x), atol=1e-5)
    assert np.all((values > 0.5) & (values < 1.3))


def test_nothing_comes_of_a_gradient_of_zero() -> None:
    assert not orthogonalized(np.zeros((4, 12))).any()


def test_blocks_follow_muon_and_the_rest_adam() -> None:
    rng = np.random.default_rng(2)
    params, m, grads = rng.normal(size=(3, MODEL.n_params))
    v = rng.uniform(size=MODEL.n_params)
    found = params.copy(), m.copy(), v.copy()
    muon(MODEL, *found, grads, 4, 0.01, TRAIN)
    adam = params.copy(), m.copy(), v.copy()
    reference.adam(*adam, grads, 4, 0.01, TRAIN)
    begin, end = blocks(MODEL)
    for mine, theirs in zip(found, adam, strict=True):
        np.testing.assert_array_equal(
            np.delete(mine, slice(begin, end)), np.delete(theirs, slice(begin, end))
        )
    np.testing.assert_array_equal(found[2][begin:end], v[begin:end])
    first = MOMENTUM * m + (1 - MOMENTUM) * grads
    np.testing.assert_allclose(found[1][begin:end], first[begin:end])
    along = views(MODEL, MOMENTUM * first + (1 - MOMENTUM) * grads)
    for name, before in views(MODEL, params).items():
        if name.startswith("layers."):
            step = 0.01 * max(before.shape) ** 0.5 * orthogonalized(along[name])
            np.testing.assert_allclose(views(MODEL, found[0])[name], before - step, atol=1e-12)
