"""Half an hour of training and pressing keys: memory, descriptors and threads before and after."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from pathlib import Path
from time import monotonic

from eetui.core.run.timeline import BUDGET
from tests.campaign.terminals import Screen
from tests.campaign.trial import GRACE, Setting

KEYS = "p e v x f g b B z x y + - 0 [ ] . space space l L t".replace("space", " ").split(" ")
WARM_UP_SECONDS = 120.0
SLACK = 1.1
"""Memory at the end over that after the warm-up, beside the keyframes of a run, which may fill
their budget meanwhile; more is a leak."""
TOLD_SECONDS = 300.0
"""From one size that is told to the next, which shows whether memory levels off."""
HELD_STILL = ("descriptors", "threads")


def soak(setting: Setting, n: int) -> None:
    """Nothing grows but what a run's curves take."""
    tally, random = setting.tally, setting.random
    save = setting.folder / "run.safetensors"
    arguments = ["--d-model", "16", "--steps", "1000000000", "--save", str(save)]
    screen = Screen(arguments, setting.environment(COLORTERM="truecolor"), (40, 120))
    began = monotonic()
    before: dict[str, float] = {}
    grown: list[float] = []
    while (age := monotonic() - began) < 60 * setting.minutes and not screen.ended:
        screen.raw = screen.raw[-5000:]
        screen.read(random.uniform(0.1, 1.0))
        if not before and age > min(WARM_UP_SECONDS, 12 * setting.minutes):
            before = _sizes(screen.pid)
        if age > TOLD_SECONDS * (len(grown) + 1):
            grown.append(_sizes(screen.pid)["MB"])
        if random.random() < 0.02:
            size = struct.pack("HHHH", random.randint(18, 60), random.randint(60, 200), 0, 0)
            fcntl.ioctl(screen.master, termios.TIOCSWINSZ, size)
        os.write(screen.master, random.choice([*filter(None, KEYS), "\x1b"]).encode())
    tally.trials = int((monotonic() - began) / 60)
    if screen.ended:
        tally.others.append(f"ended by itself: code {screen.code}, {screen.raw[-500:]!r}")
        return
    after = _sizes(screen.pid)
    tally.remarks.append(f"after the warm-up {before}, at the end {after}")
    tally.remarks.append(f"MB every {TOLD_SECONDS / 60:.0f} minutes: {grown}")
    if after["MB"] > SLACK * before["MB"] + BUDGET / 2**20:
        tally.others.append(f"memory grew from {before['MB']} to {after['MB']} MB")
    for name in HELD_STILL:
        if after[name] > before[name] + 3:
            tally.others.append(f"{name} grew from {before[name]} to {after[name]}")
    os.write(screen.master, b"\x1b\x1b")
    screen.read(1.0)
    os.kill(screen.pid, 15)
    if (code := screen.end(GRACE)) != 143:
        tally.others.append(f"ended with code {code}: {screen.raw[-3000:]!r}")
    if not save.exists():
        tally.lost.append("the run was not saved")


def _sizes(pid: int) -> dict[str, float]:
    status = Path(f"/proc/{pid}/status").read_text()
    found = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {
        "MB": round(int(found["VmRSS"].split()[0]) / 1024, 1),
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": int(found["Threads"]),
    }
