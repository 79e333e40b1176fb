"""A picture of the screen, in the working folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.app import App

from eetui.core.errors import EetuiError
from eetui.core.files import write_new
from eetui.core.text import visible


def write(app: App[Any], name: str) -> None:
    """Write what is on the screen, without notices, as an SVG file called `name`; say where, or
    why not.

    Where there is such a file already, the new one gets a number. Notices are hidden meanwhile.
    """
    screen = app.screen
    hidden = [rack for rack in screen.query("ToastRack") if rack.display]
    for rack in hidden:
        rack.display = False

    def save() -> None:
        _save(app, name)
        for rack in hidden:
            rack.display = True

    screen.refresh(layout=True)  # the screen itself: laid out again before it is saved
    screen.call_after_refresh(save)


def _save(app: App[Any], name: str) -> None:
    content = app.export_screenshot(title="eetui").encode()
    try:
        path = write_new(Path.cwd() / f"{name}.svg", content)
    except (EetuiError, FileNotFoundError) as error:  # the working folder may be gone
        app.notify(f"The picture could not be written: {error}", severity="error")
    else:
        app.notify(f"Wrote a picture of this screen to {visible(str(path))}.")
