"""A line to type into."""

from __future__ import annotations

import re

from textual.widgets import Input

_MOVING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves the terminal's cursor, turns its text or is no character."""


class Field(Input):
    """An input that takes only what can be shown, whether it is typed, pasted or given."""

    def validate_value(self, value: str) -> str:
        """The text without what cannot be shown."""
        return _MOVING.sub("", value)
