"""`eetui` in a terminal: the live screen."""

from __future__ import annotations

from eetui.core.errors import UsageError
from eetui.core.run import checkpoint
from eetui.core.run.session import Session
from eetui.tui.cli.options import RunOptions
from eetui.tui.cli.runs import Request, request_run
from eetui.tui.signals import noticed

DEFAULT_STEPS = 1_000_000


def show(options: RunOptions, explicit: frozenset[str]) -> int:
    """Open the screen on the run that `options` ask for; gives the program's exit code."""
    request = request_run(options, explicit, DEFAULT_STEPS)
    session = request.session(headless=False)
    from eetui.tui.app import run

    with noticed() as notice:
        notice.held = True  # the screen hears them, and what follows is not to be interrupted
        try:
            code = run(session)
        except UsageError:
            raise  # nothing was shown, so nothing was trained
        except BaseException:
            _save(request, session)
            raise
        _save(request, session)
    return 128 + notice.number if notice.number else code


def _save(request: Request, session: Session) -> None:
    if request.save is not None:
        checkpoint.save(request.save, session.checkpoint)
