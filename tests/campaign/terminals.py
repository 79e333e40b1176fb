"""The screen in a pseudo-terminal: signals, stops, hang-ups, and what the terminal is left like."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
from pathlib import Path
from time import monotonic

from eetui.core.errors import EetuiError
from eetui.core.run import checkpoint
from tests.campaign.trial import ENDINGS, GRACE, PROGRAM, Setting, judge

MODES = {"1049": "l", "25": "h", "1000": "l", "1003": "l", "1006": "l", "2004": "l", "1004": "l"}
"""Private modes of a terminal that is as it was."""
WAYS = ("SIGINT", "SIGTERM", "SIGHUP", "stop and q", "stop and SIGTERM", "suspend and q", "ctrl-c",
        "hang up", "q")  # fmt: skip


class Screen:
    """The program in a terminal of its own, of which it is the session's leader."""

    def __init__(self, arguments: list[str], env: dict[str, str], size: tuple[int, int]) -> None:
        self.raw = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvpe(PROGRAM[0], [*PROGRAM, *arguments], env)
        rows, columns = size
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.master)
        self.code: int | None = None

    def read(self, seconds: float) -> None:
        """Take in what the program writes for so long."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            ready, _, _ = select.select([self.master], [], [], min(left, 0.05))
            if ready:
                try:
                    self.raw += os.read(self.master, 65536)
                except OSError:
                    return
            if self.ended:
                return

    @property
    def ended(self) -> bool:
        if self.code is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def wait_until(self, words: bytes, seconds: float) -> bool:
        deadline = monotonic() + seconds
        while words not in self.raw and monotonic() < deadline and not self.ended:
            self.read(0.1)
        return words in self.raw

    def end(self, seconds: float) -> int:
        """The exit code; 1000 if it hangs, and then its stacks are the last that was read."""
        deadline = monotonic() + seconds
        while not self.ended and monotonic() < deadline:
            self.read(0.1)
        if not self.ended:
            self.raw = b""
            os.kill(self.pid, signal.SIGABRT)  # upon which faulthandler writes the stacks
            self.read(GRACE)
            if not self.ended:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            self.code = 1000
        self.read(0.05)
        assert self.code is not None
        return self.code


def terminals(setting: Setting, n: int) -> None:
    """The screen ends as it should, leaves the terminal as it was, and saves what it trained."""
    random = setting.random
    for i in range(n):
        save = setting.fresh() / "run.safetensors"
        arguments = ["--engine", "numpy", "--d-model", "16", "--save", str(save)]
        screen = Screen(arguments, setting.environment(COLORTERM="truecolor"), (30, 100))
        way = WAYS[i % len(WAYS)]
        begun = screen.wait_until(b"\x1b[?1049h", 30.0)
        if random.random() < 0.8:
            screen.read(random.uniform(0.5, 3.0))
        name = f"terminal {i}: {way}"
        wanted = _leave(screen, way, random.uniform(0.05, 0.8))
        code = screen.end(GRACE + 10)
        text = screen.raw.decode("utf-8", "replace")
        traceback = "Traceback" if "Traceback" in text or "╭─" in text[-3000:] else ""
        judge(setting.tally, name, code, "", "", allowed=(wanted,))
        if traceback:
            setting.tally.tracebacks.append(f"{name}: {text[-400:]!r}")
        if code not in (wanted, 1000):
            setting.tally.others.append(f"{name}: code {code} instead of {wanted}")
        if way != "hang up" and begun:
            _check_terminal(setting, screen, name, text)
        if begun and code != 1000:
            _check_saved(setting, save, name)
        os.close(screen.master) if way != "hang up" else None


def _leave(screen: Screen, way: str, pause: float) -> int:
    """End the program in one of the ways; gives the exit code that it should have."""
    if way in [ending.name for ending in ENDINGS]:
        os.kill(screen.pid, getattr(signal, way))
        return 128 + int(getattr(signal, way))
    if way.startswith(("stop", "suspend")):
        os.kill(screen.pid, signal.SIGSTOP if way.startswith("stop") else signal.SIGTSTP)
        screen.read(pause)
        os.write(screen.master, b"z" if pause > 0.4 else b"")
        os.kill(screen.pid, signal.SIGCONT)
        screen.read(1.0)
        if way.endswith("SIGTERM"):
            os.kill(screen.pid, signal.SIGTERM)
            return 128 + signal.SIGTERM
    if way == "hang up":
        os.close(screen.master)
        screen.master = os.open(os.devnull, os.O_RDONLY)
        return 128 + signal.SIGHUP
    os.write(screen.master, b"\x03" if way == "ctrl-c" else b"q")
    return 128 + signal.SIGINT if way == "ctrl-c" else 0


def _check_terminal(setting: Setting, screen: Screen, name: str, text: str) -> None:
    for mode, wanted in MODES.items():
        changes = re.findall(rf"\x1b\[\?{mode}([hl])", text)
        if changes and changes[-1] != wanted:
            setting.tally.others.append(f"{name}: mode {mode} is left {changes[-1]}")
    after = termios.tcgetattr(screen.master)
    if after[:4] != screen.before[:4]:
        setting.tally.others.append(f"{name}: the terminal's flags are not what they were")


def _check_saved(setting: Setting, save: Path, name: str) -> None:
    try:
        checkpoint.load(save)
    except EetuiError as error:
        setting.tally.lost.append(f"{name}: {error}")
