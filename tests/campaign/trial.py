"""What the kinds of trials share: how a program is started, and what its end may look like."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import cache
from io import StringIO
from pathlib import Path
from random import Random
from unicodedata import category

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PROGRAM = (sys.executable, "-m", "eetui.tui")
PATIENCE = 60.0
"""Seconds after which a program that should have ended hangs."""
GRACE = 15.0
"""Seconds that a program that was told to end may take."""

HOSTILE = (
    "[/nope]", "[red]", "[/]", "[bold", "\\[x]", "[link=file:///etc]x[/link]", "{x}",
    "%s%n", "$HOME",
    "\x1b[31mred", "\x1b]0;title\x07", "\x1b[2J\x1b[H", "\x9b2J", "\x07\x08\x7f", "a\rb", "a\nb",
    "\u202egpj.exe", "\u2066\u2067", "\u2069\u2069x", "\ufeff\u200b", "\u2028\u2029", "שלום",
    "مرحبا",
    "漢字かな", "e\u0301\u0323\u0302", "👩\u200d🚀", "\U000e0041", "x" * 5000, "~nouser/x", "~",
    "..", "/",
    "/dev/zero", "/dev/full", "nan", "inf", "-1", "0", "1e400", "1" + "0" * 400, "9" * 5000,
    "0x10",
    "8.0", "True", "null", "", " ", "--", "-", "=", "a=b=c", ",", ",,", "auto", "\ud800", "a\0b",
)  # fmt: skip
"""Texts that have broken programs."""


@dataclass(slots=True)
class Tally:
    """How many trials of a kind there were, and what went wrong in which."""

    kind: str
    trials: int = 0
    lost: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    not_ours: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        return [*self.lost, *self.tracebacks, *self.hangs, *self.others]


@dataclass(slots=True)
class Setting:
    """Where a kind of trial works: its own random numbers, an empty folder, and its tally."""

    random: Random
    folder: Path
    tally: Tally
    minutes: float

    def fresh(self) -> Path:
        """An empty folder."""
        folder = self.folder / "trial"
        for path in (folder, *folder.rglob("*")) if folder.exists() else ():
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def environment(self, **more: str) -> dict[str, str]:
        """This process's, with settings of its own."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("EETUI_", "XDG_"))}
        homes = {f"XDG_{k}_HOME": str(self.folder / k) for k in ("CONFIG", "STATE", "DATA")}
        return {
            **own,
            **homes,
            "TERM": "xterm-256color",
            "EETUI_TUNE": "0",
            "PYTHONFAULTHANDLER": "1",
            **more,
        }


Kind = Callable[[Setting, int], None]


@cache
def _warm_up() -> None:
    """Import here what a copy would else import each time, or could not as another user."""
    from eetui.tui.cli import ab, bench, lab, ladder, main, race, sample  # noqa: F401

    train = ["train", "--engine", "numpy", "--d-model", "8", "--steps", " 2", "--no-store"]
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        main(train)  # a blank before a number is for Pydantic, which is not always loaded


def run_in_fork(
    arguments: list[str], setting: Setting, limits: Callable[[], None] | None = None
) -> tuple[int, str, str]:
    """The program in a copy of this process, which has imported it: (code, stdout, stderr).

    The code is negative for a signal that killed it, and 1000 for one that hung.
    """
    _warm_up()
    paths = [setting.folder / name for name in ("out", "err")]
    pid = os.fork()
    if pid == 0:
        _become(arguments, setting, paths, limits)
    code = _wait(pid, PATIENCE)
    if code is None:
        os.kill(pid, signal.SIGTERM)
        code = _wait(pid, GRACE)
        if code is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            code = 1000
    out, err = (path.read_bytes().decode("utf-8", "backslashreplace") for path in paths)
    return code, out, err


def _become(
    arguments: list[str], setting: Setting, paths: list[Path], limits: Callable[[], None] | None
) -> None:
    from eetui.tui.cli import main

    code = 99
    try:
        os.setsid()
        os.chdir(setting.folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        for number, path in ((0, Path(os.devnull)), (1, paths[0]), (2, paths[1])):
            handle = os.open(path, os.O_RDONLY if number == 0 else flags, 0o644)
            os.dup2(handle, number)
            os.close(handle)
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        os.environ.update(setting.environment())
        sys.argv = ["eetui", *arguments]
        if limits is not None:
            limits()
        code = main()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code & 0xFF)


def _wait(pid: int, seconds: float) -> int | None:
    """The exit code within so many seconds."""
    from time import monotonic, sleep

    deadline = monotonic() + seconds
    while monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        sleep(0.002)
    return None


def start(arguments: list[str], setting: Setting, **more: object) -> subprocess.Popen[bytes]:
    """The real program, in a process group of its own."""
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=setting.environment(),
        cwd=setting.folder,
        start_new_session=True,
        **more,  # type: ignore[call-overload]
    )


def judge(
    tally: Tally, name: str, code: int, out: str, err: str, allowed: tuple[int, ...] = ()
) -> None:
    """Count a trial and what is wrong with how it ended."""
    tally.trials += 1
    said = f"{name}: code {code}: {(err or out).strip()[-300:]!r}"
    if code == 1000:
        tally.hangs.append(said)
    elif "Traceback (most recent" in err + out or "Exception ignored" in err:
        (tally.tracebacks if "eetui" in err + out else tally.not_ours).append(said)
    elif code not in (0, 1, 2, *allowed):
        tally.others.append(said)
    elif dirty := unprintable(out + err):
        tally.others.append(f"{name}: printed {dirty}")
    elif code in (1, 2) and not re.search(r"eetui: .*[.!?…]$", err.strip().split("\n")[-1]):
        tally.others.append(f"{name}: no sentence: {said}")


def unprintable(text: str) -> str:
    """The first character that moves a cursor or turns a text, as Python writes it, or ''."""
    for c in text:
        if c != "\n" and (category(c) in ("Cc", "Cs", "Zl", "Zp") or "\u202a" <= c <= "\u202e"):
            return ascii(c)
    return ""


def lines_of(out: bytes) -> Iterator[dict[str, object]]:
    """The JSON objects in lines; the last may be cut."""
    for line in out.split(b"\n"):
        if line:
            yield json.loads(line)
