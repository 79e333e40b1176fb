"""The application: it wires the session to the main screen, and nothing else."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import ClassVar, NamedTuple, cast

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.theme import ThemeProvider

from eetui.core import settings
from eetui.core.errors import UsageError
from eetui.core.text import told, visible
from eetui.tui import signals
from eetui.tui.action_search import ActionCommands
from eetui.tui.courtesy import Courtesy
from eetui.tui.live import LiveSession, Recording
from eetui.tui.messages import GoOnWith
from eetui.tui.screens.main import MainScreen
from eetui.tui.screens.palette import Palette
from eetui.tui.terminal import TerminalDriver
from eetui.tui.theme import ENGINE_ROOM
from eetui.tui.threads import TrainingThread

SWITCH_SECONDS = 5e-4
"""How long the trainer waits for the screen between two chunks, at most (Python's own is 5 ms)."""


USUAL_YOUNG_OBJECTS = 700
"""Python's own threshold, which a start raises."""


class Ending(NamedTuple):
    """How the screen was left: the exit code, and the run of the store to go on with, or ''."""

    code: int
    next_run: str = ""


class EetuiApp(App[int]):
    """The live screen of one session; `begun` is called when its first frame is drawn."""

    TITLE = "eetui"
    COMMANDS: ClassVar = {ActionCommands}  # which has all of Textual's own that make sense here
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "interrupt", show=False)]

    def __init__(
        self,
        session: LiveSession,
        recording: Recording | None = None,
        screen: MainScreen | None = None,
        begun: Callable[[], None] | None = None,
    ) -> None:
        self.courtesy = Courtesy()
        self._main = screen or MainScreen(session, recording, self.courtesy)
        super().__init__(driver_class=TerminalDriver)
        self._begun = begun
        self._session = session
        self._recording = recording
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self.left_with = 0
        self.next_run = ""
        self._training: TrainingThread | None = None
        self.register_theme(ENGINE_ROOM)
        self.theme = ENGINE_ROOM.name

    def get_default_screen(self) -> MainScreen:
        """The main screen is the first one, with none of Textual's below it.

        Textual reads the style sheet of every screen but the first.
        """
        self.stylesheet.read_all(self._main.css_path)
        return self._main

    def on_mount(self) -> None:
        self._event_loop = asyncio.get_running_loop()
        if self.left_with:  # by a signal that came before there was a loop
            self.exit(self.left_with)
            return
        self._training = TrainingThread(self._session, self._main, self._recording, self.courtesy)
        # The first frame does not wait for it, nor do the charts, which come with the second one.
        self.call_after_refresh(self.call_after_refresh, self._begin)

    def _begin(self) -> None:
        if self._begun is not None:
            self._begun()
        if self._training is not None:
            self._training.start()

    async def on_event(self, event: events.Event) -> None:
        """Whatever a person does comes before the training, until the program ends."""
        if isinstance(event, events.InputEvent) and not self.is_running:
            return  # there is no screen any more
        if isinstance(event, events.InputEvent):
            self.courtesy.busy()
            self.call_after_refresh(self.courtesy.done)
        if isinstance(event, events.Key | events.MouseDown):
            self._main.expect_answer()
        await super().on_event(event)

    def on_unmount(self) -> None:
        if self._training is not None:
            self._training.stop()

    def on_go_on_with(self, message: GoOnWith) -> None:
        """Leave for another run."""
        self.next_run = message.run
        self.exit(0)

    def leave(self, number: int, _frame: FrameType | None) -> None:
        """A signal came: leave with its exit code, once the loop can."""
        self.left_with = self.left_with or signals.exit_code(number)
        if self._event_loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and so will the program
                self._event_loop.call_soon_threadsafe(self.exit, self.left_with)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a notice, as text: what is in it may come from anywhere."""
        super().notify(
            visible(message, None),
            title=visible(title),
            severity=severity,
            timeout=timeout,
            markup=False,
        )

    def action_command_palette(self) -> None:
        """Every action by its name."""
        if not Palette.is_open(cast("App[object]", self)):
            self.push_screen(Palette())

    def search_themes(self) -> None:
        """All themes by their names."""
        self.push_screen(Palette([ThemeProvider], placeholder="Search for themes…"))

    def action_interrupt(self) -> None:
        """Ctrl-C: leave with the exit code of an interrupted program."""
        self.exit(signals.Interrupted(signal.SIGINT).exit_code)


@contextmanager
def _themed(app: EetuiApp) -> Iterator[None]:
    """Start with the theme that is configured, or else was last chosen; remember a new choice.

    Raises `UsageError` for a configured theme that does not exist.
    """
    configured, state = settings.theme(), settings.load_state()
    if configured is not None and configured not in app.available_themes:
        names = ", ".join(sorted(app.available_themes))
        raise UsageError(f"There is no theme {told(configured)}: there are {names}.")
    wanted = configured or state.get("theme")
    if isinstance(wanted, str) and wanted in app.available_themes:
        app.theme = wanted
    started_with = app.theme
    yield
    if app.theme != started_with:
        settings.save_state({**state, "theme": app.theme})


def _end_start() -> None:
    """What was loaded stays; what the screen leaves behind from now on goes soon, as usual."""
    gc.freeze()
    gc.set_threshold(USUAL_YOUNG_OBJECTS, *gc.get_threshold()[1:])


def run(
    session: LiveSession, recording: Recording | None = None, screen: MainScreen | None = None
) -> Ending:
    """Show the live screen until it is left; the exit code is that of a signal if one came.

    recording: writes the session down. screen: another main screen than the usual one. Raises
    `UsageError` before anything is shown if there is no such theme.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        app = EetuiApp(session, recording, screen, _end_start)
        with _themed(app), signals.handled(app.leave):
            result = app.run()
    finally:
        sys.setswitchinterval(interval)
    code = app.left_with or ((app.return_code or 0) if result is None else result)
    return Ending(code, "" if code else app.next_run)
