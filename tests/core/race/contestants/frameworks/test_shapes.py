"""Shapes that batches are compiled for: every batch finds one with room, the smallest there is."""

from __future__ import annotations

import numpy as np

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines.subject import Subject
from eetui.core.race.contestants.frameworks.shapes import (
    BatchShape,
    batch_shapes,
    full_shape,
    smallest_shapes,
)
from eetui.core.race.tasks import make_task

SHAPES = [BatchShape(8, 4), BatchShape(12, 5), BatchShape(20, 10)]


def test_a_batch_gets_the_first_shape_with_room_for_its_rows_and_for_its_longest_document():
    lengths = np.array([[4, 4], [2, 5], [4, 5], [6, 1], [10, 10]], np.int32)
    assert smallest_shapes(SHAPES, lengths).tolist() == [0, 1, 1, 2, 2]


def test_the_shapes_of_a_task_hold_less_padding_than_the_full_one():
    task = make_task("equal", Subject(load_dataset(), ModelConfig(d_model=8)), batch=16)
    shapes = batch_shapes(task)
    assert shapes == sorted(set(shapes))
    assert shapes[-1] == full_shape(task) == (256, 16)
    lengths = task.dataset.lengths[task.documents(0, 1000, 16)]
    chosen = smallest_shapes(shapes, lengths)
    rows, positions = np.array(shapes)[chosen].T
    assert np.all(rows >= lengths.sum(1))
    assert np.all(positions >= lengths.max(1))
    assert rows.mean() < 1.25 * lengths.sum(1).mean()


def test_documents_of_one_length_need_one_shape(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("abcdefg\n" * 5)
    task = make_task(
        "equal", Subject(load_dataset(str(path)), ModelConfig(d_model=8, block_size=8))
    )
    assert batch_shapes(task) == [full_shape(task)]
