"""The CPU as each system describes it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from eetui.core import cpu

XEON = """processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8481C
flags\t\t: fpu sse sse2 avx fma avx2 avx512f avx512dq avx512vl amx_bf16 amx_tile

processor\t: 1
model name\t: another
"""
OLD = "processor\t: 0\nmodel name\t: Old\nflags\t\t: fpu sse sse2\n"
DESKTOP = "processor\t: 0\nmodel name\t: Ryzen\nflags\t\t: sse2 avx fma avx2\n"
GRAVITON = "processor\t: 0\nFeatures\t: fp asimd sve sve2 sme2\n"
M4 = """machdep.cpu.brand_string: Apple M4
hw.optional.arm.FEAT_SME: 1
hw.optional.arm.FEAT_SME2: 1
hw.optional.arm.FEAT_SVE: 0
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    cpu.detect.cache_clear()
    yield
    cpu.detect.cache_clear()


def _linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: str, text: str) -> cpu.Cpu:
    info = tmp_path / "cpuinfo"
    info.write_text(text)
    monkeypatch.setattr(cpu, "CPUINFO", info)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    return cpu.detect()


@pytest.mark.parametrize(
    ("machine", "text", "words", "lanes", "registers"),
    [
        ("x86_64", XEON, "AVX-512", 16, 32),
        ("x86_64", DESKTOP, "AVX2", 8, 16),
        ("x86_64", OLD, "SSE2", 4, 16),
        ("aarch64", GRAVITON, "NEON + SVE2", 4, 32),
    ],
)
def test_linux(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    machine: str,
    text: str,
    words: str,
    lanes: int,
    registers: int,
) -> None:
    host = _linux(monkeypatch, tmp_path, machine, text)
    assert (host.instruction_set, host.lanes, host.vector_registers) == (words, lanes, registers)
    assert host.amx_bf16 == (text is XEON)
    assert host.sme2 == (text is GRAVITON)


def test_the_name_is_that_of_the_first_core(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host = _linux(monkeypatch, tmp_path, "x86_64", XEON)
    assert host.name == "Intel(R) Xeon(R) Platinum 8481C"
    assert host.is_x86
    assert not host.is_arm


def test_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = SimpleNamespace(stdout=M4)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: answer)
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    host = cpu.detect()
    assert (host.name, host.instruction_set, host.lanes) == ("Apple M4", "NEON", 4)
    assert host.sme2
    assert host.is_arm


def test_where_the_system_tells_nothing_llvm_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cpu, "CPUINFO", tmp_path / "nothing")
    told = frozenset({"avx", "avx2", "fma"})
    monkeypatch.setattr(cpu, "from_llvm", lambda: told)
    monkeypatch.setattr(platform, "machine", lambda: "AMD64")
    host = cpu.detect()
    assert (host.architecture, host.instruction_set) == ("x86-64", "AVX2")
    assert host.features == told


def test_this_cpu_is_described() -> None:
    host = cpu.detect()
    assert host.name
    assert host.instruction_set
    assert host.lanes in (4, 8, 16)
    assert host.cores >= 1
