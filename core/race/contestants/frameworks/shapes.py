"""Sizes of batches that a compiled step is made for, so that it computes little padding."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eetui.core.race.contestant import Task

QUANTILES = (0.5, 0.95)
"""Shares of the batches that the shapes before the last one are made for."""
SAMPLE_STEPS = 512
"""Steps whose batches tell how long batches are."""
ROUND_ROWS, ROUND_POSITIONS = 8, 4
"""Multiples that compilers make good loops of: attention over 9 to 11 positions took longer than
over 12."""


class BatchShape(NamedTuple):
    """Room for so many positions in the whole batch (rows) and in each document (positions)."""

    rows: int
    positions: int


def full_shape(task: Task) -> BatchShape:
    """Room for any batch of the task."""
    positions = task.dataset.block_size
    return BatchShape(task.train.batch * positions, positions)


def batch_shapes(task: Task) -> list[BatchShape]:
    """A few shapes, smallest first; the last one has room for any batch of the task."""
    lengths = task.dataset.lengths[task.documents(0, SAMPLE_STEPS, task.train.batch)]
    full = full_shape(task)
    rows = np.quantile(lengths.sum(1), QUANTILES).tolist()
    positions = np.quantile(lengths.max(1), QUANTILES).tolist()
    shapes = {
        BatchShape(
            min(_rounded_up(n_rows, ROUND_ROWS), full.rows),
            min(_rounded_up(n_positions, ROUND_POSITIONS), full.positions),
        )
        for n_rows, n_positions in zip(rows, positions, strict=True)
    }
    return sorted({*shapes, full})


def _rounded_up(value: float, multiple: int) -> int:
    return ceil(value / multiple) * multiple


def smallest_shapes(shapes: Sequence[BatchShape], lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """For each batch the index [n] of the first shape with room; lengths [n, batch]."""
    rows, positions = np.array(shapes).T
    has_room = (lengths.sum(1)[:, None] <= rows) & (lengths.max(1)[:, None] <= positions)
    return has_room.argmax(axis=1).astype(np.int32)
