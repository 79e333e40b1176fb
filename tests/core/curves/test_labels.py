"""Labels at the ends of lines: as near as possible, in order, and never on top of each other."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eetui.core.curves.labels import spread

PLACES = st.lists(st.floats(-5, 25), max_size=20)


def test_labels_that_are_far_apart_stand_where_they_want():
    assert spread([2.4, 9.0, 5.6], 12) == [2, 9, 6]


def test_labels_in_one_place_are_spread():
    assert spread([5.0, 5.0, 5.2], 12) == [5, 6, 7]
    assert spread([11.0, 11.0, 11.0], 12) == [9, 10, 11]


def test_the_last_are_left_out_where_there_is_no_room():
    assert spread([3.0, 1.0, 2.0], 2) == [1, 0, None]
    assert spread([30.0, 0.0, 2.0], 29, height=14) == [15, 0, None]


def test_high_labels_are_spread_by_their_height():
    assert spread([10.4, 12.0, 90.0], 104, height=14) == [10, 24, 90]
    assert spread([95.0, 97.0], 100, height=14) == [72, 86]


@given(PLACES, st.integers(1, 15), st.integers(1, 4))
def test_all_have_a_place_of_their_own_in_the_order_of_their_lines(wanted, n_labels, height):
    room = n_labels * height
    placed = spread(wanted, room, height)
    kept = [place for place in placed if place is not None]
    assert len(kept) == min(len(wanted), n_labels)
    assert all(0 <= place <= room - height for place in kept)
    assert all(b - a >= height for a, b in pairwise(sorted(kept)))
    lines = sorted((w, row) for w, row in zip(wanted, placed, strict=True) if row is not None)
    assert [row for _, row in lines] == sorted(kept)
