"""What the screens share."""

from __future__ import annotations

from textual.screen import Screen, ScreenResultType


class ShownScreen(Screen[ScreenResultType]):
    """Hears keys only while it is shown: of a screen that is left, the parts go first."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action can be done now."""
        own = any(not child.has_class("-textual-system") for child in self.children)
        return own and super().check_action(action, parameters)
