"""Signals that end the program: SIGINT, SIGTERM and SIGHUP.

They raise `Interrupted` in the main thread, and the exit code is 128 and their number. A signal
that was ignored when the program began (nohup, a shell's background) stays ignored.
"""

from __future__ import annotations

import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 2.0
"""Seconds that a signal waits for a run to come to a good place, such as the end of a line."""
ECHO = 0.5
"""Seconds in which a second signal is the first one again: `timeout` sends it twice."""

AGAIN = 0.25
"""Seconds after which a signal whose exception was lost comes once more."""

Handler = Callable[[int, FrameType | None], object]


def exit_code(number: int) -> int:
    """What a shell gives for a program that this signal ended."""
    return 128 + number


class Interrupted(BaseException):
    """A signal came; `number` is the signal's.

    It is no `KeyboardInterrupt`: Typer would make that a plain 130.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell gives for a program that this signal ended."""
        return exit_code(self.number)


class Raiser:
    """Raises the first signal, once: what it ends is not to be interrupted again.

    Python loses an exception that comes in a destructor or in a callback of a library. It is then
    gone from memory, and the signal comes once more.
    """

    def __init__(self) -> None:
        self.number = 0
        self._raised: Callable[[], Interrupted | None] = lambda: None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if self._raised() is None:
            self.number = self.number or number
            interruption = Interrupted(self.number)
            self._raised = weakref.ref(interruption)
            signal.signal(signal.SIGALRM, self)
            signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
            try:
                raise interruption
            finally:
                del interruption  # else this frame, which it refers to, would keep it alive


def _listen(numbers: Iterable[int], handler: Handler | int | None) -> None:
    for number in numbers:
        signal.signal(number, handler)


def _say_nothing(unraisable: sys.UnraisableHookArgs) -> None:
    """Of a signal that came in a destructor, since it comes once more."""
    if not isinstance(unraisable.exc_value, Interrupted):
        sys.__unraisablehook__(unraisable)


def _is_main() -> bool:
    """Whether this is the thread in which signals are handled."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def handled(handler: Handler | None = None, *, at_last: bool = False) -> Iterator[None]:
    """Call `handler` on a signal that ends the program; without one, raise `Interrupted`.

    What was there before comes back. Or, `at_last`, signals are ignored from then on: the program
    is about to end by itself.
    """
    if not _is_main():
        yield
        return
    before = {number: signal.getsignal(number) for number in (*ENDING, signal.SIGALRM)}
    heard = [number for number in ENDING if before[number] is not signal.SIG_IGN]
    hook, sys.unraisablehook = sys.unraisablehook, _say_nothing
    try:
        _listen(heard, handler or Raiser())
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        for number in heard:
            signal.signal(number, signal.SIG_IGN if at_last else before[number])
        signal.signal(signal.SIGALRM, before[signal.SIGALRM])
        sys.unraisablehook = hook


class SignalNotice:
    """The first signal is kept in `number`; another later, or too long a wait, raises it.

    While it is `held`, none raises.
    """

    def __init__(self) -> None:
        self.number = 0
        self.held = False
        self._since = 0.0

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if not self.number:
            self.number, self._since = number, monotonic()
            signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)
        elif not self.held and monotonic() - self._since > ECHO:
            raise Interrupted(self.number)

    def release(self) -> None:
        """No longer hold; a signal that came meanwhile gets its patience from now on."""
        self.held = False
        if self.number:
            signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)


@contextmanager
def noticed() -> Iterator[SignalNotice]:
    """Keep the first signal as a notice, to be looked at in good places."""
    notice = SignalNotice()
    with handled(notice):
        if _is_main():
            before = signal.signal(signal.SIGALRM, notice)
            if isinstance(before, Raiser) and before.number:
                notice(before.number, None)  # one that was lost while the program was imported
        yield notice
