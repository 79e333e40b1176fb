"""What lies under and over a drawn chart."""

from __future__ import annotations

import numpy as np

from eetui.core.curves.raster import Area
from eetui.tui import figures, overlay, ticks
from eetui.tui.plot import Chart, Series, draw
from eetui.tui.rows import Role

ROW = [("ab  ", Role.TICK), ("    ", Role.BLANK), ("cd", Role.LINE), ("  ", Role.BLANK)]


def test_words_over_a_row_replace_what_is_there():
    row = overlay.over(ROW, 3, "XYZ", Role.READING)
    assert "".join(text for text, _ in row) == "ab XYZ  cd  "
    assert ("XYZ", Role.READING) in row
    assert overlay.over(ROW, 10, "XY", Role.READING)[-1] == ("XY", Role.READING)


def test_what_is_under_a_row_shows_only_where_it_is_blank():
    row = overlay.under(ROW, 2, "##########", Role.BAND)
    assert "".join(text for text, _ in row) == "ab  ####cd##"
    assert [role for _, role in row] == [Role.TICK, Role.BAND, Role.LINE, Role.BAND]


def test_a_line_lies_over_its_band():
    x = np.linspace(0, 100, 60)
    x_axis, y_axis = ticks.linear(0, 100, 4, figures.fixed), ticks.linear(0, 10, 2, figures.fixed)
    shade = Area(x, np.full(60, 1.0), np.full(60, 9.0))
    line = Series(x.tolist(), [5.0] * 60, Role.LINE)
    rows = draw(Chart(x_axis, y_axis, series=(line,), shade=shade), 62, 12)
    roles = [{role for _, role in row} for row in rows[:-2]]
    assert sum(Role.LINE in each for each in roles) == 1
    assert sum(Role.BAND in each for each in roles) >= 7
    assert {sum(len(text) for text, _ in row) for row in rows} == {62}
