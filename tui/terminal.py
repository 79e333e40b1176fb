"""The terminal's driver: Textual's, made to survive stops, hang-ups and a terminal that is gone.

Textual 8 starts a second input thread on every SIGCONT that follows a plain SIGSTOP, while the
first still runs. The two race for the input; the one that loses waits in `read`, and the program
that ends waits for it. The second start also takes the raw terminal for what is to be restored.
"""

from __future__ import annotations

import select
import termios
from asyncio import Handle
from contextlib import suppress
from io import TextIOWrapper
from threading import Thread
from typing import IO, Any, cast

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from eetui.tui.signals import exit_code

HUNG_UP = exit_code(1)
"""The exit code of a program whose terminal is gone: that of SIGHUP."""
JOIN_SECONDS = 1.0
"""How long a thread of the driver is waited for."""
WATCH_SECONDS = 0.5


class TerminalDriver(LinuxDriver):
    """Leaves when its terminal has gone, and waits for no thread for long."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = cast(TextIOWrapper, _Lasting(cast(TextIOWrapper, self._file)))
        self._is_watched = False
        self._stop: Handle | None = None

    def start_application_mode(self) -> None:
        """Begin to draw and to read keys."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        with suppress(termios.error):  # a read that finds nothing is not to wait for something
            attributes = termios.tcgetattr(self.fileno)
            attributes[6][termios.VMIN] = attributes[6][termios.VTIME] = 0
            termios.tcsetattr(self.fileno, termios.TCSANOW, attributes)
        if not self._is_watched:
            self._is_watched = True
            self._watch()

    def _watch(self) -> None:
        """Leave if the terminal has hung up: what waits for its keys would wait for ever."""
        poll = select.poll()
        poll.register(self.fileno, 0)
        if poll.poll(0):  # nothing was asked for, so it is an error or a hang-up
            self._app.exit(HUNG_UP)
        else:
            self._loop.call_later(WATCH_SECONDS, self._watch)

    # Handlers run between any two instructions, also inside a queue that the drawing has locked;
    # what they ask for is done by the loop.

    def _sigtstp_application(self, *_: object) -> None:
        self._stop = self._loop.call_soon_threadsafe(super()._sigtstp_application)

    def _sigcont_application(self, *_: object) -> None:
        if self._stop is not None:
            self._stop.cancel()  # one that is still to come would be for ever
        self._loop.call_soon_threadsafe(self._continue)

    def _continue(self) -> None:
        """Draw again after a stop; one that gave no notice has left the input thread running."""
        if not self._auto_restart:
            return
        if self._key_thread is not None and self._key_thread.is_alive():
            self.suspend_application_mode()
        self.resume_application_mode()
        self._app.refresh(layout=True)

    def _run_input_thread(self) -> None:
        with suppress(OSError):  # the terminal is gone, which `_watch` sees as well
            self.run_input_thread()

    def disable_input(self) -> None:
        """Read no more keys; an input thread that hangs is left behind."""
        thread, self._key_thread = self._key_thread, None
        if thread is not None:
            self.exit_event.set()
            thread.join(JOIN_SECONDS)
            self.exit_event.clear()
        super().disable_input()

    def close(self) -> None:
        """Write what is still to be written, if somebody takes it."""
        if self._writer_thread is not None:
            ending = Thread(target=self._writer_thread.stop, daemon=True)
            ending.start()
            ending.join(JOIN_SECONDS)


class _Lasting:
    """A terminal's file whose writes are lost, and no more than that, once it is gone."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()
