"""What a step counts as it runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.model.state import TrainState
from tests.support.toy import Toy


@pytest.mark.parametrize("share", [False, True])
def test_multiply_adds_are_counted_as_they_are_done(
    native: NativeEngine, toy: Toy, share: bool
) -> None:
    model, train = ModelConfig(8, 2, block_size=5, vocab_size=7), TrainConfig(batch=2)
    dataset, d = toy(model, lengths=[5, 3]), model.d_model
    dataset.tokens[1, :3] = dataset.tokens[0, :3]  # the second document adds no row
    rates, rows = np.full(2, 0.01, np.float32), np.array([[0, 1], [0, 1]], np.int32)
    both = not share and not native.why_not("threads", 2)  # threads share no prefixes
    for threads in (1, 2) if both else (1,):
        on = replace(native.default_optimizations(), prefix_sharing=share, threads=threads)
        state = TrainState.create(model, 1)
        report = native.run(state, dataset, model, train, on, rows, rates)
        lengths = [5] if share else [5, 3]
        products = sum(lengths) * (12 * d * d + d * model.vocab_size)
        attention = sum(n * (n + 1) // 2 for n in lengths) * 2 * d
        assert report.counts == {"multiply_adds": 2 * 3 * (products + attention)}
