"""`eetui` in a terminal: the live screen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from eetui.core.errors import UsageError
from eetui.core.run import checkpoint
from eetui.core.run.session import Session
from eetui.tui.cli.options import RunOptions
from eetui.tui.cli.output import complain
from eetui.tui.cli.runs import Request, request_run
from eetui.tui.signals import exit_code, noticed

if TYPE_CHECKING:
    from eetui.core.store.recorder import Recorder

DEFAULT_STEPS = 1_000_000
ESCAPE_MS = "25"
"""How long an escape character waits for the rest of a key's sequence before it is the key esc; a
quarter of Textual's, which a person would see. ESCDELAY sets another one, as for ncurses."""


def show(options: RunOptions, explicit: frozenset[str]) -> int:
    """Open the screen on the run that `options` ask for; gives the program's exit code.

    A run that is chosen on the screen of the runs is gone on with in its place.
    """
    request = request_run(options, explicit, DEFAULT_STEPS)
    while True:
        code, next_run = _show(request)
        if not next_run:
            return code
        chosen = RunOptions(resume=next_run, store=options.store, save=options.save)
        request = request_run(chosen, frozenset({"resume"}), DEFAULT_STEPS, extend=True)


def _show(request: Request) -> tuple[int, str]:
    """One run on the screen; gives the exit code and the run to go on with, or ''."""
    os.environ.setdefault("ESCDELAY", ESCAPE_MS)  # read when Textual is imported
    from eetui.tui.app import run

    session = request.session(headless=False)
    recorder = request.recorder(session)
    with noticed() as notice:
        notice.held = True  # the screen hears them, and what follows is not to be interrupted
        try:
            code, next_run = (0, "") if notice.number else run(session, recorder)
        except UsageError:
            raise  # nothing was shown, so nothing was trained
        except BaseException:
            _keep(request, session, recorder)
            raise
        _keep(request, session, recorder)
    return (exit_code(notice.number), "") if notice.number else (code, next_run)


def _keep(request: Request, session: Session, recorder: Recorder | None) -> None:
    """Put down what was trained."""
    if recorder is not None:
        recorder.close()
        if recorder.problem:
            complain(recorder.problem)
    if request.save is not None:
        checkpoint.save(request.save, session.checkpoint)
