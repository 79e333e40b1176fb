"""Labels at the ends of lines: as near as possible, in order, and never on top of each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eetui.tui.legend import spread

PLACES = st.lists(st.floats(-5, 25), max_size=20)


def test_labels_that_are_far_apart_stand_where_they_want():
    assert spread([2.4, 9.0, 5.6], 12) == [2, 9, 6]


def test_labels_in_one_place_are_spread():
    assert spread([5.0, 5.0, 5.2], 12) == [5, 6, 7]
    assert spread([11.0, 11.0, 11.0], 12) == [9, 10, 11]


def test_the_last_are_left_out_where_there_is_no_room():
    assert spread([3.0, 1.0, 2.0], 2) == [1, 0, None]


@given(PLACES, st.integers(1, 15))
def test_all_have_a_row_of_their_own_in_the_order_of_their_lines(wanted, rows):
    placed = spread(wanted, rows)
    kept = [row for row in placed if row is not None]
    assert len(kept) == len(set(kept)) == min(len(wanted), rows)
    assert all(0 <= row < rows for row in kept)
    lines = sorted((w, row) for w, row in zip(wanted, placed, strict=True) if row is not None)
    assert [row for _, row in lines] == sorted(kept)
