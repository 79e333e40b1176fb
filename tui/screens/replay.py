"""A capsule on the main screen: the same panes, and keys for the speed."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType

from eetui.core.store.playback import Playback
from eetui.tui.actions import BINDINGS
from eetui.tui.screens.main import MainScreen

UNUSED = ("configure", "ghost", "runs", "climb", "race", "labs")
"""Actions that the key bar leaves out: a replay refuses them, or has come from there."""


class ReplayScreen(MainScreen):
    """Plays a run; what changes a run says that a replay only plays."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            replace(each, show=each.show and each.action not in UNUSED)
            for each in BINDINGS
            if "travel" not in each.action
        ),
        Binding("greater_than_sign", "change_speed(True)", "faster", key_display=">"),
        Binding("less_than_sign", "change_speed(False)", "slower", key_display="<"),
    ]

    def __init__(self, playback: Playback) -> None:
        super().__init__(playback)
        self._playback = playback

    def action_change_speed(self, up: bool) -> None:
        self._playback.change_speed(up)
