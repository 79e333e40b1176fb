"""A picture of the screen, in the working folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.app import App


def write(app: App[Any], name: str) -> None:
    """Write what is on the screen as an SVG file called `name`, and say where, or why not."""
    path = Path.cwd() / f"{name}.svg"
    try:
        path.write_text(app.export_screenshot(title="eetui"), encoding="utf-8")
    except OSError as error:
        app.notify(f"The picture could not be written: {error}.", severity="error")
    else:
        app.notify(f"Wrote a picture of this screen to {path}.")
