"""A question or a text over a screen, which stays visible below it."""

from __future__ import annotations

from typing import Any, Self

from textual.css.styles import RulesMap
from textual.geometry import Region
from textual.screen import ModalScreen, ScreenResultType
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual, visualize

from eetui.tui.screens.left_once import LeftOnce


class Below(Visual):
    """What lies below a dialog, drawn once a size: a dialog that comes is drawn six times."""

    def __init__(self, seen: Visual) -> None:
        self._seen = seen
        self._size: tuple[int, int | None] | None = None
        self._strips: list[Strip] = []

    def render_strips(
        self, width: int, height: int | None, style: Style, options: RenderOptions
    ) -> list[Strip]:
        if self._size != (width, height):
            self._size = width, height
            self._strips = self._seen.render_strips(width, height, style, options)
        return self._strips

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        return self._seen.get_optimal_width(rules, container_width)

    def get_height(self, rules: RulesMap, width: int) -> int:
        return self._seen.get_height(rules, width)


class Dialog(ModalScreen[ScreenResultType], LeftOnce[ScreenResultType]):
    """Draws the screen below anew only where that has changed."""

    CSS_PATH = "dialog.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._below: Below | None = None

    def render(self) -> Any:  # a Visual, which widgets may give and a Screen does not declare
        seen = super().render()
        if self._below is None:
            self._below = Below(visualize(self, seen))
        return self._below

    def refresh(self, *regions: Region, **what: Any) -> Self:
        """As Textual's, which names the regions where a screen below has changed."""
        if regions:
            self._below = None
        return super().refresh(*regions, **what)
