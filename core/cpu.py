"""What this CPU is and can do, read from the operating system without loading anything heavy."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

# name in words, float32 lanes, the flags that must all be there; widest first
_X86_SETS = (
    ("AVX-512", 16, {"avx512f", "avx512vl", "avx512dq"}),
    ("AVX2", 8, {"avx2", "fma"}),
    ("AVX", 8, {"avx"}),
    ("SSE2", 4, set[str]()),
)


@dataclass(frozen=True, slots=True)
class Cpu:
    """One machine's CPU.

    architecture: 'x86-64', 'arm64' or what the system calls it. instruction_set: the widest
    vector set that float32 code uses, in words. lanes: float32 numbers in one of its registers.
    vector_registers: how many of them there are. features: flags as the system spells them, lower
    case. cores: logical cores that this process may use.
    """

    name: str
    architecture: str
    instruction_set: str
    lanes: int
    vector_registers: int
    features: frozenset[str]
    cores: int

    @property
    def sme2(self) -> bool:
        """Whether there is an Arm matrix unit of the second version."""
        return bool({"sme2", "feat_sme2"} & self.features)

    @property
    def amx_bf16(self) -> bool:
        """Whether there is an Intel matrix unit for bfloat16."""
        return "amx_bf16" in self.features

    @property
    def bf16(self) -> bool:
        """Whether ordinary vector instructions multiply bfloat16."""
        return bool({"avx512_bf16", "avx512bf16", "bf16", "feat_bf16"} & self.features)

    @property
    def is_x86(self) -> bool:
        return self.architecture == "x86-64"

    @property
    def is_arm(self) -> bool:
        return self.architecture == "arm64"


@lru_cache(maxsize=1)
def detect() -> Cpu:
    """The CPU of this machine; where the system tells nothing, the least that every one has."""
    machine = platform.machine().lower()
    architecture = {"amd64": "x86-64", "x86_64": "x86-64", "aarch64": "arm64"}.get(machine, machine)
    name, features = _from_sysctl() if platform.system() == "Darwin" else _from_cpuinfo()
    features = features or from_llvm()
    words, lanes, registers = _vectors(architecture, features)
    return Cpu(
        name=name or platform.processor() or architecture,
        architecture=architecture,
        instruction_set=words,
        lanes=lanes,
        vector_registers=registers,
        features=features,
        cores=_cores(),
    )


def _vectors(architecture: str, features: frozenset[str]) -> tuple[str, int, int]:
    if architecture == "x86-64":
        for words, lanes, needed in _X86_SETS:
            if needed <= features:
                return words, lanes, 32 if lanes == 16 else 16
    if architecture == "arm64":
        wide = [label for label in ("SVE2", "SVE") if label.lower() in features][:1]
        return " + ".join(["NEON", *wide]), 4, 32
    return "no known vector set", 4, 16


def from_llvm() -> frozenset[str]:
    """Where the system lists no flags (Windows), LLVM asks the CPU itself."""
    try:
        from llvmlite import binding
    except ImportError:
        return frozenset()
    found = binding.get_host_cpu_features()
    return frozenset(name.replace("-", "_") for name, has in found.items() if has)


def _from_cpuinfo() -> tuple[str, frozenset[str]]:
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", frozenset()
    name, flags = "", ""
    for line in text.partition("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "Hardware"):
            name = name or value.strip()
        elif key.strip() in ("flags", "Features"):
            flags = value
    return name, frozenset(flags.lower().split())


def _from_sysctl() -> tuple[str, frozenset[str]]:
    try:
        text = subprocess.run(
            ["/usr/sbin/sysctl", "machdep.cpu", "hw.optional"],
            capture_output=True, text=True, timeout=5, check=False,
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return "", frozenset()
    name, found = "", set[str]()
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "machdep.cpu.brand_string":
            name = value
        elif key in ("machdep.cpu.features", "machdep.cpu.leaf7_features"):
            found |= set(value.lower().split())
        elif key.startswith("hw.optional.") and value == "1":
            found.add(key.rpartition(".")[2].lower())
    # sysctl spells two of them its own way
    found |= {"avx2"} if "avx2_0" in found else set()
    found |= {"avx512f", "avx512vl", "avx512dq"} if "avx512vl" in found else set()
    return name, frozenset(found)


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
