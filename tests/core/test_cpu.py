"""The CPU as each system describes it."""

from __future__ import annotations

import os
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
        ("x86_64", "flags: sse2 avx fma\n", "AVX", 8, 16),
        ("x86_64", "flags: fpu\n", "SSE2", 4, 16),
        ("aarch64", "Features: fp asimd sve\n", "NEON + SVE", 4, 32),
        ("aarch64", "Features: fp asimd\n", "NEON", 4, 32),
        ("riscv64", "flags: sse2\n", "no known vector set", 4, 16),
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


def test_an_intel_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    """It spells some flags its own way."""
    answer = SimpleNamespace(
        stdout="machdep.cpu.brand_string: Intel(R) Core(TM) i7\n"
        "machdep.cpu.features: FPU SSE2 FMA AVX1.0 AVX\n"
        "hw.optional.avx2_0: 1\nhw.optional.avx512vl: 0\nmachdep.cpu.core_count: 1\n"
    )
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: answer)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    host = cpu.detect()
    assert (host.name, host.instruction_set) == ("Intel(R) Core(TM) i7", "AVX2")
    assert host.features == {"fpu", "sse2", "fma", "avx1.0", "avx", "avx2", "avx2_0"}
    cpu.detect.cache_clear()
    answer.stdout = answer.stdout.replace("avx512vl: 0", "avx512vl: 1")
    assert cpu.detect().instruction_set == "AVX-512"


@pytest.mark.parametrize("failure", [OSError(), subprocess.TimeoutExpired("sysctl", 5)])
def test_a_mac_that_tells_nothing(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def fail(*of: object, **more: object) -> None:
        raise failure

    monkeypatch.setattr(subprocess, "run", fail)
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(cpu, "from_llvm", lambda: frozenset({"neon"}))
    host = cpu.detect()
    assert (host.name, host.instruction_set, host.features) == ("arm", "NEON", {"neon"})


def test_llvm_s_flags_are_spelled_as_linux_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from llvmlite import binding

    told = {"avx512-bf16": True, "sse2": True, "sse4a": False}
    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: told)
    assert cpu.from_llvm() == {"avx512_bf16", "sse2"}


@pytest.mark.parametrize("flag", ["avx512_bf16", "avx512bf16", "bf16", "feat_bf16", "avx512f"])
def test_bfloat16_has_several_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flag: str
) -> None:
    host = _linux(monkeypatch, tmp_path, "x86_64", f"model name: A\nflags: {flag}\n")
    assert host.bf16 == (flag != "avx512f")
    assert not host.sme2


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


def test_cores_where_no_affinity_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for there, told in ((5, 5), (None, 1)):
        cpu.detect.cache_clear()
        monkeypatch.setattr(os, "cpu_count", lambda there=there: there)
        assert cpu.detect().cores == told
