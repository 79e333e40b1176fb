"""A race as a folder to be published: Markdown, two charts as SVG, and the figures as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from eetui.core.errors import UsageError
from eetui.core.files import write_atomically
from eetui.core.race.league import League
from eetui.core.race.report.markdown import markdown
from eetui.core.race.report.pictures import league_chart, loss_chart
from eetui.core.race.report.to_json import race_json
from eetui.core.race.studies.launch_model import LaunchResult
from eetui.core.race.studies.one_second import OneSecondResult


def require_folder(folder: Path) -> None:
    """Make sure that files can be written to `folder`, which is made if it is missing.

    Raises `UsageError` if that is impossible, before anything was measured for it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f"The folder {folder} cannot be made ({reason}): name another one."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"The folder {folder} may not be written to: name another one.")


def write_report(
    folder: Path,
    league: League,
    one_second: Sequence[OneSecondResult] = (),
    launches: Sequence[LaunchResult] = (),
) -> None:
    """Write report.md, league.svg, loss.svg and race.json; older ones there are replaced."""
    require_folder(folder)
    found = race_json(league, one_second, launches)
    files = {
        "report.md": markdown(league, one_second, launches),
        "league.svg": league_chart(league),
        "loss.svg": loss_chart(league),
        "race.json": json.dumps(found, ensure_ascii=False, indent=1) + "\n",
    }
    for name, text in files.items():
        write_atomically(folder / name, text.encode())
