"""Joules where the operating system counts them: RAPL on Linux, powermetrics on macOS.

Other systems get no figure instead of a guess. Both count the whole package with everything that
runs on it, so they describe a contestant only on a quiet machine.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Protocol

POWERCAP = Path("/sys/class/powercap")
SAMPLE_MS = 100
PERMISSION_SECONDS = 5.0


class Meter(Protocol):
    """Something that counts energy.

    source: where the figures come from. coarse: whether it updates less often than a slice ends, so
    that it can tell contestants apart only if they take turns.
    """

    source: str
    coarse: bool

    def joules(self) -> float:
        """Joules used since some fixed moment; never decreases."""
        ...


@contextmanager
def open_meter() -> Iterator[Meter | None]:
    """The meter of this machine, or None if there is none or it cannot be read."""
    if platform.system() == "Darwin":
        command = _powermetrics_command()
        if command is None:
            yield None
            return
        meter = Powermetrics(command)
        try:
            yield meter
        finally:
            meter.close()
    else:
        yield find_rapl()


def find_rapl(folder: Path = POWERCAP) -> Rapl | None:
    """A meter of the counters in `folder` for CPU packages, or None if none can be read.

    By default only root may read them on Linux, because they reveal what other programs do.
    """
    zones = []
    for zone in sorted(folder.glob("intel-rapl:*")):
        try:
            if (zone / "name").read_text().startswith("package"):
                _read(zone / "energy_uj")
                zones.append(zone)
        except (OSError, ValueError):
            continue
    return Rapl(zones) if zones else None


def _read(path: Path) -> int:
    return int(path.read_text())


class Rapl:
    """The counters of all CPU packages together; each of them wraps around."""

    source = "RAPL, the CPU's package"
    coarse = False

    def __init__(self, zones: list[Path]) -> None:
        self._counters = [zone / "energy_uj" for zone in zones]
        self._ranges = [_read(zone / "max_energy_range_uj") for zone in zones]
        self._last = [_read(counter) for counter in self._counters]
        self._used = 0

    def joules(self) -> float:
        now = [_read(counter) for counter in self._counters]
        for before, after, wrap in zip(self._last, now, self._ranges, strict=True):
            self._used += after - before if after >= before else after - before + wrap
        self._last = now
        return self._used / 1e6


def _powermetrics_command() -> list[str] | None:
    """The command for powermetrics, which needs root, or None if it is not permitted."""
    if not shutil.which("powermetrics"):
        return None
    command = ["powermetrics", "--samplers", "cpu_power", "-i", str(SAMPLE_MS)]
    if os.geteuid() == 0:
        return command
    try:
        permitted = subprocess.run(
            ["sudo", "-n", "-l", "powermetrics"],
            capture_output=True, timeout=PERMISSION_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ["sudo", "-n", *command] if permitted.returncode == 0 else None


class Powermetrics:
    """Power that macOS estimates every tenth of a second, added up."""

    source = "powermetrics, CPU, GPU and ANE"
    coarse = True

    def __init__(self, command: list[str]) -> None:
        self._lock = threading.Lock()
        self._joules = self._watts = self._told = 0.0
        self._since = monotonic()
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._thread = threading.Thread(target=self._follow, name="powermetrics", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        """Add up what it prints: the length of a sample, then its power."""
        seconds = 0.0
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"\(([\d.]+)ms elapsed\)", line):
                seconds = float(found[1]) / 1e3
            elif found := re.match(r"Combined Power.*: ([\d.]+) mW", line):
                with self._lock:
                    self._watts = float(found[1]) / 1e3
                    self._joules += self._watts * seconds
                    self._since = monotonic()

    def joules(self) -> float:
        """The sum so far, extended from the last sample to now with that sample's power."""
        with self._lock:
            ahead = min(monotonic() - self._since, SAMPLE_MS / 1e3)
            self._told = max(self._told, self._joules + self._watts * ahead)
            return self._told

    def close(self) -> None:
        """End the program."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()
