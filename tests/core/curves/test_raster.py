"""An area as the dots of braille cells."""

from __future__ import annotations

import numpy as np

from eetui.core.curves.raster import Area, braille

SPANS = (0.0, 100.0), (0.0, 10.0)


def test_a_band_fills_what_lies_between_its_edges():
    area = Area(np.array([0.0, 100.0]), np.array([2.5, 2.5]), np.array([7.5, 7.5]))
    rows = braille(area, *SPANS, columns=30, rows=8, log_y=False)
    assert [set(row) for row in (rows[0], rows[3], rows[4], rows[7])] == [
        {" "},
        {"⣿"},
        {"⣿"},
        {" "},
    ]


def test_a_band_ends_where_its_points_end():
    area = Area(np.array([50.0, 100.0]), np.array([0.0, 0.0]), np.array([10.0, 10.0]))
    rows = braille(area, *SPANS, columns=30, rows=4, log_y=False)
    assert {row[:14] for row in rows} == {" " * 14}
    assert {row[16:] for row in rows} == {"⣿" * 14}


def test_on_a_logarithmic_axis_a_decade_is_as_high_anywhere():
    area = Area(np.array([0.0, 100.0]), np.array([10.0, 10.0]), np.array([100.0, 100.0]))
    rows = braille(area, (0.0, 100.0), (1.0, 1000.0), columns=4, rows=9, log_y=True)
    assert ["⣿" in row for row in rows] == [False] * 3 + [True] * 3 + [False] * 3
