"""A drawing of lines, bars and texts as SVG, with nothing to install."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
INK, FAINT, GRID, PAPER = "#1f2933", "#7b8794", "#e4e7eb", "#ffffff"
COLOURS = (
    "#c0392b", "#d35400", "#b7950b", "#6c8e23", "#1e8449", "#117a65", "#148f99", "#2874a6",
    "#1a5276", "#5b4fc4", "#7d3c98", "#a0307c", "#c2185b", "#795548", "#455a64", "#2e4053",
    "#ad6f3b", "#3f7f3f", "#8e44ad",
)  # fmt: skip


class Drawing:
    """Elements of a picture, drawn in the order in which they are added."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._elements: list[str] = []
        self._head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="{FONT}" role="img">\n'
            f"<title>{escape(title)}</title>\n"
            f'<rect width="{width}" height="{height}" fill="{PAPER}"/>'
        )

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float = 1.0) -> None:
        """A line through points, in pixels from the top left."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._elements.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
            'stroke-linejoin="round" stroke-linecap="round"/>'
        )

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        self._elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" '
            f'rx="2" fill="{colour}"/>'
        )

    def diamond(self, x: float, y: float, size: float, colour: str) -> None:
        """A hollow diamond around a point."""
        corners = f"{x},{y - size} {x + size},{y} {x},{y + size} {x - size},{y}"
        self._elements.append(
            f'<polygon points="{corners}" fill="{PAPER}" stroke="{colour}" stroke-width="1.5"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: int = 12,
        colour: str = INK,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """A text whose base line is at y; anchor is 'start', 'middle' or 'end'."""
        weight = ' font-weight="600"' if bold else ""
        self._elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}"{weight}>{escape(text)}</text>'
        )

    def __str__(self) -> str:
        return "\n".join([self._head, *self._elements, "</svg>\n"])
