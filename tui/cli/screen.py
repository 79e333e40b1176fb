"""`eetui` in a terminal: the live screen."""

from __future__ import annotations

from eetui.core.run import checkpoint
from eetui.tui.cli.options import RunOptions
from eetui.tui.cli.output import complain
from eetui.tui.cli.runs import request_run

DEFAULT_STEPS = 1_000_000


def show(options: RunOptions, explicit: frozenset[str]) -> int:
    """Open the screen on the run that `options` ask for; gives the program's exit code."""
    request = request_run(options, explicit, DEFAULT_STEPS)
    session = request.session(headless=False)
    from eetui.tui.app import run

    recorder = request.recorder(session)
    try:
        code = run(session, recorder)
    finally:
        if recorder is not None:
            recorder.close()
    if recorder is not None and recorder.problem:
        complain(recorder.problem)
    if request.save is not None:
        checkpoint.save(request.save, session.checkpoint)
    return code
