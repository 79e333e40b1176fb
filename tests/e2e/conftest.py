"""The real program in a pseudo-terminal, and an emulator that reads its screen."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import pexpect
import pyte
import pytest

ROWS, COLUMNS = 40, 120
PATIENCE = 180.0


def _hear_signals() -> None:
    """A shell lets its background jobs ignore some signals; the program would go on with that."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """A command, what it has written so far, and the screen that this makes."""

    def __init__(self, command: str, env: dict[str, str]) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.raw = ""
        self.read_at = 0.0  # when the program last wrote something, by the monotonic clock
        self._stream = pyte.Stream(self.screen)
        self.process = pexpect.spawn(
            "/bin/sh",
            ["-c", command],
            env=env,
            dimensions=(ROWS, COLUMNS),
            encoding="utf-8",
            codec_errors="replace",
            timeout=PATIENCE,
            preexec_fn=_hear_signals,
        )
        self.process.delaybeforesend = None

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def press(self, keys: str) -> None:
        self.process.send(keys)

    def wait_for(self, what: Callable[[], Any]) -> Any:
        """What `what` gives once that is true; the screen is kept up to date until then."""
        deadline = monotonic() + PATIENCE
        while not (met := what()):
            assert monotonic() < deadline, f"never happened; on the screen:\n{self.text}"
            assert self._read(0.1), f"the program has ended; on the screen:\n{self.text}"
        return met

    def wait_for_text(self, words: str) -> None:
        self.wait_for(lambda: words in self.text)

    def wait_for_end(self) -> int:
        """The exit code, once the program has ended."""
        deadline = monotonic() + PATIENCE
        while self._read(0.1):
            assert monotonic() < deadline, f"has not ended; on the screen:\n{self.text}"
        self.process.close()
        status = self.process.exitstatus
        assert status is not None, f"killed by signal {self.process.signalstatus}"
        return int(status)

    def _read(self, seconds: float) -> bool:
        """Take in what the program writes; False once it has ended."""
        try:
            new = self.process.read_nonblocking(size=65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.read_at = monotonic()
        self.raw += new
        self._stream.feed(new)
        return True


class Start:
    """Starts programs in terminals of their own."""

    def __init__(self, env: dict[str, str], before: Sequence[str] = ()) -> None:
        self.started: list[Terminal] = []
        self._env = env
        self._before = before

    def __call__(self, *arguments: str | Path, theme: str | None = None) -> Terminal:
        """`eetui` with arguments."""
        if theme is not None:
            self._env["EETUI_THEME"] = theme
        return self._start(f"exec {self._command(arguments)}")

    def piped(self, *arguments: str | Path) -> Terminal:
        """`eetui` with arguments, its output in a pipe."""
        return self._start(f"{self._command(arguments)} | cat")

    def with_messages_to(self, path: Path, *arguments: str) -> Terminal:
        """`eetui` with arguments, its stderr in a file."""
        return self._start(f"exec {self._command(arguments)} 2>{shlex.quote(str(path))}")

    def _command(self, arguments: tuple[str | Path, ...]) -> str:
        return shlex.join([*self._before, sys.executable, "-m", "eetui.tui", *map(str, arguments)])

    def _start(self, command: str) -> Terminal:
        self.started.append(Terminal(command, self._env))
        return self.started[-1]


def environment(folder: Path) -> dict[str, str]:
    """That of a program whose settings, runs and state lie in `folder`."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("EETUI_")}
    env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    env |= {"EETUI_TUNE": "0"}  # it would flip toggles that a test has not touched
    kinds = ("CONFIG", "STATE", "DATA")
    env |= {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in kinds}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):  # the size is the terminal's own
        env.pop(name, None)
    return env


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Start]:
    """Start programs with this, with settings of their own; they are ended with the test."""
    start = Start(environment(tmp_path))
    yield start
    for each in start.started:
        each.process.close(force=True)
