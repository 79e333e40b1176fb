"""The state is three aligned vectors; copies are independent and views write through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eetui.core.config import ModelConfig
from eetui.core.model.state import ALIGNMENT, INIT_STD, TrainState, aligned_zeros, layout, views


def vectors(state: TrainState) -> tuple[np.ndarray, ...]:
    return state.params, state.m, state.v


@given(n=st.integers(1, 5_000), dtype=st.sampled_from([np.float32, np.float64, np.int32]))
def test_zeros_start_on_a_cache_line(n: int, dtype: type[np.generic]) -> None:
    zeros = aligned_zeros(n, dtype)
    assert zeros.ctypes.data % ALIGNMENT == 0
    assert (zeros.shape, zeros.dtype) == ((n,), np.dtype(dtype))
    assert zeros.flags.c_contiguous
    assert zeros.flags.writeable
    assert not zeros.any()


@pytest.mark.parametrize("d_model", [16, 36, 128])
def test_a_fresh_state(d_model: int) -> None:
    model = ModelConfig(d_model=d_model)
    state = TrainState.create(model, seed=7)
    for vector in vectors(state):
        assert (vector.shape, vector.dtype) == ((model.n_params,), np.float32)
        assert vector.ctypes.data % ALIGNMENT == 0
    assert state.step == 0
    assert not state.m.any()
    assert not state.v.any()
    tolerance = 5 * INIT_STD / np.sqrt(model.n_params)
    assert abs(state.params.mean()) < tolerance
    assert abs(state.params.std() - INIT_STD) < tolerance


def test_the_seed_decides_the_weights() -> None:
    model = ModelConfig(d_model=16)
    first, same, other = (TrainState.create(model, seed).params for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.1


def test_a_clone_is_equal_and_independent() -> None:
    state = TrainState.create(ModelConfig(d_model=16), seed=1)
    state.m[:], state.v[:], state.step = 1.0, 2.0, 345
    copy = state.clone()
    assert copy.step == 345
    for vector, copied in zip(vectors(state), vectors(copy), strict=True):
        assert np.array_equal(vector, copied)
        assert copied.ctypes.data % ALIGNMENT == 0
        vector += 1.0
        assert not np.array_equal(vector, copied)


def test_views_write_through_and_cover_the_vector() -> None:
    model = ModelConfig(d_model=16, n_layers=2)
    vector = np.zeros(model.n_params, np.float32)
    named = views(model, vector)
    assert list(named) == [tensor.name for tensor in layout(model)]
    for i, matrix in enumerate(named.values(), start=1):
        matrix += i
    assert np.array_equal(np.unique(vector), np.arange(1, len(named) + 1))
    assert named["layers.1.w_qkv"].shape == (16, 48)
    assert named["lm_head"].shape == (16, 27)
