"""What a CPU has, and the sentence on what it lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eetui.core import cpu
from eetui.core.config import ModelConfig
from eetui.core.engines.availability import automatic, missing, undriven
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.optimizations import Optimizations

BARE = {"x86": "x86-64", "arm": "arm64", "other": "riscv64"}
UNITS = {
    "bf16": frozenset({"avx512_bf16"}), "amx": frozenset({"amx_bf16"}), "sme2": frozenset({"sme2"}),
}  # fmt: skip


@pytest.fixture
def on(monkeypatch):
    """`on("x86", "amx")` is a CPU of that kind with these units."""

    def pretend(kind: str, *units: str) -> None:
        features = frozenset[str]().union(*(UNITS[unit] for unit in units))
        host = replace(cpu.detect(), architecture=BARE[kind], features=features)
        monkeypatch.setattr(cpu, "detect", lambda: host)

    return pretend


@pytest.mark.parametrize(
    ("value", "kind", "units", "said"),
    [
        ("bf16", "x86", (), "bf16: this CPU has no vector instructions for bfloat16."),
        ("bf16", "x86", ("bf16",), ""),
        ("sme2", "x86", (), "SME2: this is an x86-64 CPU."),
        ("sme2", "other", ("sme2",), "SME2: this is an riscv64 CPU."),
        ("sme2", "arm", (), "SME2: this Arm CPU has none."),
        ("sme2", "arm", ("sme2",), ""),
        ("amx", "arm", ("amx",), "AMX: this is an arm64 CPU."),
        ("amx", "x86", (), "AMX: this CPU has no amx-bf16."),
        ("amx-split", "x86", (), "AMX: this CPU has no amx-bf16."),
        ("amx", "x86", ("amx",), ""),
        ("amx-split", "x86", ("amx",), ""),
    ],
)
def test_what_a_cpu_lacks_is_said_in_a_sentence(on, value, kind, units, said):
    on(kind, *units)
    assert missing(value) == said
    driven = {"bf16": "bf16", "sme2": "SME2", "amx": "AMX", "amx-split": "AMX"}[value]
    cannot = f"{driven}: this CPU has it, but the numba engine cannot drive it."
    assert undriven(value, "numba") == (said or cannot)


@pytest.mark.parametrize("value", ["rows", "outer"])
def test_what_only_the_native_engine_has_is_said_so(value):
    said = f"{value.capitalize()}: only the native engine computes products so, not numpy."
    assert undriven(value, "numpy") == said


class Driving(NumpyEngine):
    """Has some units, of which some go with no thread but one."""

    def __init__(self, *units: str, alone: str = "") -> None:
        super().__init__()
        self._units, self._alone = units, alone

    def why_not(self, key, value):
        return "" if value in self._units else "none"

    def conflict(self, optimizations):
        return "no" if optimizations.products == self._alone else ""


@pytest.mark.parametrize(
    ("d_model", "engine", "chosen"),
    [
        (64, Driving("sme2", "amx-split"), "sme2"),
        (64, Driving("amx-split", "amx"), "amx-split"),
        (128, Driving("sme2", "amx-split", alone="sme2"), "amx-split"),
        (64, Driving("sme2", alone="sme2"), "tiles"),
        (64, Driving("amx", "bf16"), "tiles"),
        (60, Driving("sme2", "amx-split"), "tiles"),
    ],
)
def test_a_unit_is_chosen_by_itself_from_a_width_on(d_model, engine, chosen):
    assert automatic(engine, ModelConfig(d_model=d_model), Optimizations()) == chosen
