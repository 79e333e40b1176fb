"""How the Numba engine treats the machine: control word, exp, cache, toggles the CPU lacks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit

from eetui.core import cpu
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.numba.compile import kernel
from eetui.core.engines.numba.engine import WIDTHS, NumbaEngine
from eetui.core.engines.numba.machine import float_mode
from eetui.core.engines.numba.vectors import exp_fast, exp_library, f32_at, lanes, load, store
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations

START = """
import sys
from eetui.core.config import ModelConfig
from eetui.core.engines.registry import create
engine = create("numba")
assert not engine.is_ready(ModelConfig(), engine.default_optimizations())
said = []
engine.prepare(ModelConfig(), engine.default_optimizations(), said.append)
assert engine.is_ready(ModelConfig(), engine.default_optimizations())
assert any("Compiling" in text for text in said), said
"""


def run_script(script: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code that keeps its kernels in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )


@njit
def _control_word() -> int:
    return float_mode()


@njit
def _exps(source: int, fast: int, library: int, n: int) -> None:
    w = lanes(16)
    for i in range(0, n, 16):
        store(f32_at(fast), i, exp_fast(load(w, f32_at(source), i)))
        store(f32_at(library), i, exp_library(load(w, f32_at(source), i)))


def test_fast_exp_keeps_its_promise() -> None:
    x = np.concatenate(
        [-np.geomspace(1e-8, 86.9, 16 * 5000), np.linspace(-3, 0, 16 * 5000)]
    ).astype(np.float32)
    fast, library = np.zeros_like(x), np.zeros_like(x)
    _exps(x.ctypes.data, fast.ctypes.data, library.ctypes.data, x.size)
    exact = np.exp(x.astype(np.float64))
    assert np.abs(fast / exact - 1).max() < 5e-6
    assert np.abs(library / exact - 1).max() < 2e-7
    low = np.full(16, -1e30, np.float32)
    _exps(low.ctypes.data, fast.ctypes.data, library.ctypes.data, 16)
    assert (fast[:16] < 1e-37).all()
    assert (library[:16] == 0).all()


def test_the_cpu_handles_denormals_afterwards_as_before(
    engine: NumbaEngine, names: Dataset
) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=4)
    state = TrainState.create(model, 1)
    before = _control_word()
    documents = np.zeros((3, 4), np.int32)
    rates = np.full(3, 0.01, np.float32)
    engine.run(state, names, model, train, Optimizations(), documents, rates)
    # Bits 0 to 5 of the x86 word only record that, say, something was rounded.
    assert _control_word() | 0x3F == before | 0x3F
    tiny = np.full(4, 1e-40, np.float32)
    assert (tiny + tiny > 0).all()


def test_width_one_has_no_vector_arithmetic(tmp_path: Path) -> None:
    """Off means off: LLVM did not vectorise the scalar kernel behind our back."""
    if not cpu.detect().is_x86:
        pytest.skip("reads x86 assembly")
    script = (
        "from eetui.core.engines.numba import compile as c\n"
        "print(*c.compiled(c.source(1)).inspect_asm().values())\n"
    )
    out = run_script(script, tmp_path).stdout  # what comes from the cache has no listing
    scalar, packed = (
        re.findall(rf"\bv?(?:f?n?m(?:add|sub)\d*|mul|add|sub|div){kind}\b", out)
        for kind in ("ss", "ps")
    )
    assert len(scalar) > 500
    assert not packed


def test_a_start_that_finds_a_damaged_kernel_compiles_it_again(tmp_path: Path) -> None:
    run_script(START, tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    run_script(START, tmp_path)
    assert kept.read_bytes() == whole
    kept.write_bytes(whole[:-1] + b"?")
    run_script(START, tmp_path)
    (replaced,) = tmp_path.iterdir()
    assert len(replaced.read_bytes()) > len(whole) // 2
    assert not replaced.read_bytes().endswith(b"?")


def test_two_threads_may_prepare_at_once() -> None:
    engine, ready = NumbaEngine(), []

    def prepare() -> None:
        engine.prepare(ModelConfig(), Optimizations(vector_width=4))
        ready.append(kernel(4))

    threads = [threading.Thread(target=prepare) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ready) == 3
    assert len(set(map(id, ready))) == 1


def test_a_cpu_with_sixteen_vector_registers(tmp_path: Path) -> None:
    """Its tiles are smaller; the gradients are those of any other width."""
    script = (
        "from dataclasses import replace\n"
        "import numpy as np\n"
        "from eetui.core import cpu\n"
        "host = replace(cpu.detect(), vector_registers=16, lanes=8, instruction_set='AVX2')\n"
        "cpu.detect = lambda: host\n"
        "from eetui.core.config import ModelConfig\n"
        "from eetui.core.data.dataset import load_dataset\n"
        "from eetui.core.engines.numba import tile\n"
        "from eetui.core.engines.numba.engine import NumbaEngine\n"
        "from eetui.core.model.reference import loss_and_gradients\n"
        "from eetui.core.model.state import TrainState\n"
        "assert tile.heights() == (6, 4, 2)\n"
        "engine, names, documents = NumbaEngine(), load_dataset(), np.arange(17)\n"
        "model = ModelConfig(d_model=20)\n"
        "state = TrainState.create(model, 1)\n"
        "on = engine.default_optimizations()\n"
        "found = engine.gradients(state, names, model, on, documents).grads\n"
        "batch = names.tokens[documents], names.lengths[documents]\n"
        "_, expected = loss_and_gradients(state.params.astype(float), model, *batch)\n"
        "assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)\n"
    )
    run_script(script, tmp_path)


def _pretend(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    pretended = replace(cpu.detect(), **changes)
    monkeypatch.setattr(cpu, "detect", lambda: pretended)


def test_why_not_names_what_the_cpu_lacks(
    engine: NumbaEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pretend(monkeypatch, architecture="x86-64", features=frozenset({"avx512f"}), lanes=16)
    assert engine.why_not("products", "tiles") == ""
    assert "x86-64 CPU" in engine.why_not("products", "sme2")
    assert "no amx-bf16" in engine.why_not("products", "amx")
    assert not any(engine.why_not("vector_width", width) for width in WIDTHS)
    _pretend(monkeypatch, features=frozenset({"amx_bf16"}))
    assert "cannot drive it" in engine.why_not("products", "amx")
    _pretend(
        monkeypatch, architecture="arm64", features=frozenset(), lanes=4, instruction_set="NEON"
    )
    assert "an arm64 CPU" in engine.why_not("products", "amx")
    assert "has none" in engine.why_not("products", "sme2")
    assert "NEON" in engine.why_not("vector_width", 16)
    assert engine.why_not("vector_width", 4) == ""
    assert engine.default_optimizations().vector_width == 4
    assert engine.instruction_set(Optimizations(vector_width=4)) == "NEON x4"
    assert engine.instruction_set(Optimizations(vector_width=1)) == "scalar"
