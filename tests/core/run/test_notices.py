"""Notices: each is a new one, and what is added to one is told with it."""

from __future__ import annotations

from eetui.core.run.notices import Notices
from eetui.core.run.snapshot import Notice


def test_each_has_a_higher_serial() -> None:
    notices = Notices()
    notices.tell("one")
    assert notices.latest == Notice(1, "one", "information")
    notices.tell("two", "warning")
    assert notices.latest == Notice(2, "two", "warning")
    notices.tell("two")
    assert notices.latest == Notice(3, "two", "information")


def test_what_is_added_stands_behind_what_was_told_meanwhile() -> None:
    notices = Notices()
    notices.add("first", None)
    assert notices.latest == Notice(1, "first", "information")
    before = notices.latest
    notices.add("alone", before)
    assert notices.latest == Notice(2, "alone", "information")
    notices.tell("it broke", "error")
    notices.add("so it is elsewhere.", before)
    assert notices.latest == Notice(4, "it broke so it is elsewhere.", "error")
