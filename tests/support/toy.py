"""Data sets of any shape."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from eetui.core.config import ModelConfig
from eetui.core.data.corpus import Corpus, Rows
from eetui.core.data.dataset import Dataset
from eetui.core.data.known import Known
from eetui.core.data.side import Side


class Toy(Protocol):
    """What the fixture `toy` is."""

    def __call__(
        self,
        model: ModelConfig,
        n_docs: int = 40,
        *,
        lengths: list[int] | None = None,
        seed: int = 0,
    ) -> Dataset: ...


def make_toy(
    model: ModelConfig, n_docs: int = 40, *, lengths: list[int] | None = None, seed: int = 0
) -> Dataset:
    """Random documents for a model: some number of them, or one of each of the lengths."""
    rng = np.random.default_rng(seed)
    block, boundary = model.block_size, model.vocab_size - 1
    sizes = np.array(lengths or rng.integers(1, block + 1, n_docs), np.int32)
    tokens = rng.integers(0, model.vocab_size, (len(sizes), block + 1)).astype(np.uint8)
    tokens[:, 0] = boundary
    tokens[np.arange(block + 1) >= sizes[:, None]] = boundary
    return Dataset(
        name="toy",
        path="",
        block_size=block,
        ready=Rows(tokens, sizes),
        vocabulary=tuple(chr(200 + i) for i in range(boundary)),
        documents=Known(np.zeros(1, np.uint64)),
        mean_positions=float(sizes.mean()),
        n_cut=0,
        n_blank=0,
        is_names=False,
        _corpus=Corpus.of((), np.zeros(0, np.uint8), sizes.astype(np.uint8)),
        _side=Side.without(np.zeros(0, np.int32), len(sizes)),
    )
