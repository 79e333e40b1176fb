"""Rows of text whose parts carry roles in place of colours; the theme gives a role its colour."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """What a part of a chart is."""

    BLANK = 0
    FRAME = 1
    TICK = 2
    RAW = 3
    LINE = 4
    REFERENCE = 5
    MARK = 6
    SERIES_1 = 7
    SERIES_2 = 8
    SERIES_3 = 9
    SERIES_4 = 10
    SERIES_5 = 11
    SERIES_6 = 12
    BAND = 13
    HELD_OUT = 14
    CURSOR = 15
    READING = 16
    GHOST = 17


SERIES = tuple(role for role in Role if role.name.startswith("SERIES"))
"""For lines among many, beside one that is Role.LINE."""


Row = list[tuple[str, Role]]
