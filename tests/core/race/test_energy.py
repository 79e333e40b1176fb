"""Energy from counters as Linux has them, and from a program that prints as macOS's does."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time

import pytest

from eetui.core.race import energy
from tests.support.live import PATIENCE
from tests.support.present import present

PRINTS = """
import sys, time
for milliwatts in (2000, 4000):
    print("*** Sampled system activity (Sat Nov 21 2026) (500.00ms elapsed) ***")
    print("CPU Power: 1 mW")
    print(f"Combined Power (CPU + GPU + ANE): {milliwatts} mW", flush=True)
time.sleep(60)
"""


@pytest.fixture
def powercap(tmp_path):
    """A folder with two packages, a core domain and a second view of the first package."""

    def zone(path, name, microjoules):
        folder = tmp_path / path
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "energy_uj").write_text(f"{microjoules}\n")
        (folder / "max_energy_range_uj").write_text("1000000000\n")

    zone("intel-rapl:0", "package-0", 5_000_000)
    zone("intel-rapl:1", "package-1", 999_000_000)
    zone("intel-rapl:0:0", "core", 1_000_000)
    zone("intel-rapl-mmio:0", "package-0", 5_000_000)
    return tmp_path


def test_packages_are_added_up_and_counters_start_again(powercap):
    meter = present(energy.find_rapl(powercap))
    assert meter.joules() == 0
    (powercap / "intel-rapl:0/energy_uj").write_text("7500000\n")
    (powercap / "intel-rapl:0:0/energy_uj").write_text("9000000\n")
    assert meter.joules() == pytest.approx(2.5)
    (powercap / "intel-rapl:1/energy_uj").write_text("3000000\n")
    assert meter.joules() == pytest.approx(2.5 + 4.0)
    assert meter.joules() == pytest.approx(6.5)


def test_without_counters_there_is_no_meter(tmp_path, powercap):
    assert energy.find_rapl(tmp_path / "none") is None
    for zone in ("intel-rapl:0", "intel-rapl:1"):
        (powercap / zone / "energy_uj").unlink()
    assert energy.find_rapl(powercap) is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_counters_that_may_not_be_read_are_no_meter(powercap):
    for zone in ("intel-rapl:0", "intel-rapl:1"):
        (powercap / zone / "energy_uj").chmod(0)
    assert energy.find_rapl(powercap) is None


def test_powermetrics_is_added_up():
    meter = energy.Powermetrics([sys.executable, "-c", PRINTS])
    try:
        deadline = time.monotonic() + PATIENCE
        while meter.joules() < 3.0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # Two samples of half a second, and at most a tenth of a second more at 4 W.
        assert 3.0 <= meter.joules() <= 3.4 + 1e-9
    finally:
        meter.close()
    assert meter.coarse


def test_on_a_mac_without_permission_there_is_no_meter(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with energy.open_meter() as meter:
        assert meter is None


COMMAND = ["powermetrics", "--samplers", "cpu_power", "-i", "100"]


@pytest.mark.parametrize(
    ("user", "sudo", "started"),
    [
        (0, None, COMMAND),
        (501, 0, ["sudo", "-n", *COMMAND]),
        (501, 1, None),
        (501, OSError(), None),
        (501, subprocess.TimeoutExpired("sudo", 5), None),
    ],
)
def test_on_a_mac_it_is_started_as_far_as_it_is_permitted(monkeypatch, user, sudo, started):
    asked, meters = [], []

    class Meter:
        def __init__(self, command):
            self.command, self.is_closed = command, False
            meters.append(self)

        def close(self):
            self.is_closed = True

    def run(command, **options):
        asked.append((command, options))
        if isinstance(sudo, Exception):
            raise sudo
        return subprocess.CompletedProcess(command, sudo)

    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(energy, "Powermetrics", Meter)
    with energy.open_meter() as meter:
        assert [m.command for m in meters] == ([] if started is None else [started])
        assert meter is (meters[0] if meters else None)
    assert all(m.is_closed for m in meters)
    if user:
        ((command, options),) = asked
        assert command == ["sudo", "-n", "-l", "powermetrics"]
        assert options == {"capture_output": True, "timeout": 5.0, "check": False}
    else:
        assert asked == []


def test_elsewhere_it_is_rapl(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(energy, "find_rapl", lambda: "counters")
    with energy.open_meter() as meter:
        assert meter == "counters"
