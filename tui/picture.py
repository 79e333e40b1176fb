"""A picture of the screen, in the working folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.app import App


def write(app: App[Any], name: str) -> None:
    """Write what is on the screen, but for notices, as an SVG file called `name`; say where, or
    why not."""
    shown = [rack for rack in app.screen.query("ToastRack") if rack.display]
    for rack in shown:
        rack.display = False

    def save() -> None:
        path = Path.cwd() / f"{name}.svg"
        try:
            path.write_text(app.export_screenshot(title="eetui"), encoding="utf-8")
        except OSError as error:
            app.notify(f"The picture could not be written: {error}.", severity="error")
        else:
            app.notify(f"Wrote a picture of this screen to {path}.")
        for rack in shown:
            rack.display = True

    app.screen.call_after_refresh(save)
