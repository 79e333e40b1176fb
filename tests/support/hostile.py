"""What may stand in a file that somebody else has written, for hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from unicodedata import category

from hypothesis import strategies as st

from eetui.core.errors import UsageError

T = TypeVar("T")

HUGE = (2**63, 2**64, -(2**63) - 1, 10**30, 10**400)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(HUGE)
    | st.floats()
    | st.text(max_size=20)
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
"""Anything that json.loads can give."""


def is_safe(text: str) -> bool:
    """Whether a text moves no cursor and turns no line around."""
    return not any(
        category(c) in ("Cc", "Cs", "Zl", "Zp") or "\u202a" <= c <= "\u202e" for c in text
    )


def taken(read: Callable[[], T]) -> T | None:
    """What `read` gives, None where it refuses; it does so in a short message, safe to show."""
    try:
        return read()
    except UsageError as error:
        message = str(error)
    assert is_safe(message)
    assert len(message) < 800
    return None
