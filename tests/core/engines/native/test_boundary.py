"""The library's boundary: whatever a struct holds, a call answers with a code and never crashes."""

from __future__ import annotations

import random
from ctypes import CDLL, byref, c_double, c_int64, c_void_p, sizeof
from typing import Any

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import PHASES
from eetui.core.engines.native import library
from eetui.core.engines.native.engine import NativeEngine, shape_fields
from eetui.core.engines.native.library import ERRORS, Run, Sample, fields_of, new_job
from eetui.core.errors import EngineError
from eetui.core.model.state import TrainState, aligned_zeros

MODEL = ModelConfig(d_model=8, n_heads=2, block_size=5, vocab_size=7)
NAN = float("nan")
NUMBERS = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 4, 7, 63, 64, 255, 512, 513, 2**31, 2**63 - 1)
REALS = (NAN, float("inf"), -1.0, 0.0, 1e-30, 0.5, 1.0, 1e300)


class Caller:
    """A good job of each kind on buffers that outlive it, to be spoiled field by field."""

    def __init__(self, native: NativeEngine, toy: Any) -> None:
        self.library = library.load()
        self.c = CDLL(str(library.find()))
        for function in (self.c.eetui_train, self.c.eetui_generate, self.c.eetui_memory):
            function.restype, function.argtypes = c_int64, [c_void_p]
        self.state = TrainState.create(MODEL, 1)
        self.dataset: Dataset = toy(MODEL)
        self.documents = np.zeros((2, 3), np.int32)
        self.rates = np.full(2, 0.01, np.float32)
        self.losses = np.zeros(2, np.float32)
        self.ticks = np.zeros(len(PHASES) + 1, np.int64)
        self.counts = np.zeros((8, len(library.COUNTS)), np.int64)
        self.uniform = np.full((4, 5), 0.5)
        self.tokens = np.zeros((4, 5), np.uint8)
        self.memory = aligned_zeros(1 << 24, np.uint8)
        self.unit = native.unit(native.default_optimizations()).place

    def run(self) -> Run:
        job: Run = new_job(
            Run, **shape_fields(MODEL), unit=self.unit, padding_skip=1, prefix_sharing=1,
            fast_exp=1, products=1, fused=1, adam=2, flush_denormals=1, threads=1, n_steps=2,
            batch=3, n_docs=len(self.dataset.lengths), profile=1, beta1=0.9, beta2=0.99,
            eps=1e-8, params=self.state.params.ctypes.data, m=self.state.m.ctypes.data,
            v=self.state.v.ctypes.data, tokens=self.dataset.tokens.ctypes.data,
            lengths=self.dataset.lengths.ctypes.data, documents=self.documents.ctypes.data,
            rates=self.rates.ctypes.data, losses=self.losses.ctypes.data,
            ticks=self.ticks.ctypes.data, counts=self.counts.ctypes.data,
            memory=self.memory.ctypes.data, memory_bytes=self.memory.nbytes,
        )  # fmt: skip
        return job

    def sample(self) -> Sample:
        job: Sample = new_job(
            Sample, **shape_fields(MODEL), unit=self.unit, fast_exp=1, products=1, fused=1, n=4,
            temperature=0.5, params=self.state.params.ctypes.data,
            uniform=self.uniform.ctypes.data, tokens=self.tokens.ctypes.data,
            memory=self.memory.ctypes.data, memory_bytes=self.memory.nbytes,
        )  # fmt: skip
        return job

    def code(self, job: Run | Sample) -> int:
        """What the library answers, without the exception that it becomes."""
        function = self.c.eetui_train if isinstance(job, Run) else self.c.eetui_generate
        return int(function(byref(job)))


# Larger than the buffers of a Caller: such a value is the caller's own lie, not a slip that the
# library could see.
CAPACITY = {"n_steps": 2, "batch": 3, "n": 4, "block_size": 5, "d_model": 8, "vocab": 7,
            "n_layers": 1, "n_docs": 40, "n_forced": 0}  # fmt: skip


@pytest.fixture
def caller(native: NativeEngine, toy: Any) -> Caller:
    return Caller(native, toy)


@pytest.mark.parametrize("kind", ["run", "sample"])
def test_a_good_job_is_done(caller: Caller, kind: str) -> None:
    assert caller.code(getattr(caller, kind)()) == 0


@pytest.mark.parametrize("kind", ["run", "sample"])
def test_a_missing_or_crooked_pointer_is_refused(caller: Caller, kind: str) -> None:
    for name, field_kind in fields_of(getattr(caller, kind)()).items():
        if field_kind is c_void_p and name not in {"grads", "pool", "forced", "counts"}:
            job = getattr(caller, kind)()
            setattr(job, name, None)
            assert caller.code(job) == -1, name
    job = getattr(caller, kind)()
    job.memory += 4
    assert caller.code(job) == -10
    job = getattr(caller, kind)()
    job.memory_bytes = 64
    assert caller.code(job) == -10
    assert caller.c.eetui_train(None) == -1
    assert caller.c.eetui_generate(None) == -1
    assert caller.c.eetui_memory(None) == -1


@pytest.mark.parametrize("kind", ["run", "sample"])
def test_another_version_is_refused(caller: Caller, kind: str) -> None:
    for name in ("version", "size"):
        job = getattr(caller, kind)()
        setattr(job, name, getattr(job, name) + 1)
        assert caller.code(job) == -2


def test_indices_out_of_range_are_refused(caller: Caller) -> None:
    for value in (-1, 40, 2**31 - 1, -(2**31)):
        caller.documents[1, 2] = value
        assert caller.code(caller.run()) == -7
    caller.documents[:] = 3
    caller.dataset.lengths[3] = 6
    assert caller.code(caller.run()) == -8
    caller.dataset.lengths[3] = 0
    assert caller.code(caller.run()) == -8
    caller.dataset.lengths[3] = 2
    caller.dataset.tokens[3, 5] = 7
    assert caller.code(caller.run()) == -9
    job = caller.sample()
    forced = np.array([7], np.int32)
    job.forced, job.n_forced = forced.ctypes.data, 1
    assert caller.code(job) == -9


@pytest.mark.parametrize(
    ("name", "legal", "illegal"),
    [
        ("d_model", (4, 512), (0, 6, 516)), ("n_heads", (1, 8), (0, 3, 16)),
        ("n_layers", (1, 8), (0, 9)), ("block_size", (2, 64), (1, 65)),
        ("vocab", (2, 256), (1, 257)), ("batch", (1, 512), (0, 513)), ("threads", (1, 8), (0, 9)),
        ("adam", (0, 1, 2), (-1, 3)), ("products", (0, 1), (-1, 7)), ("unit", (0,), (-1, 99)),
        *((name, (0, 1), (-1, 2)) for name in (
            "squared", "padding_skip", "prefix_sharing", "fast_exp", "fused", "flush_denormals",
            "by_sample", "profile", "forward_only", "muon",
        )),
    ],
)  # fmt: skip
def test_the_limits_of_whole_numbers(
    caller: Caller, name: str, legal: tuple[int, ...], illegal: tuple[int, ...]
) -> None:
    """As asked for the memory of a run, for which there need be none."""
    for values, is_legal in ((legal, True), (illegal, False)):
        for value in values:
            job = caller.run()
            if name == "d_model":
                job.n_heads = 1
            setattr(job, name, value)
            assert (caller.c.eetui_memory(byref(job)) > 0) == is_legal, value


@pytest.mark.parametrize(
    ("name", "legal", "illegal"),
    [
        ("beta1", (0.0, 0.999), (-1e-9, 1.0, NAN)), ("beta2", (0.0, 0.999), (-1e-9, 1.0, NAN)),
        ("eps", (1e-30, 0.5), (0.0, -1.0, 1.0, NAN)),
    ],
)  # fmt: skip
def test_the_limits_of_adams_numbers(
    caller: Caller, name: str, legal: tuple[float, ...], illegal: tuple[float, ...]
) -> None:
    for values, code in ((legal, 0), (illegal, -11)):
        for value in values:
            job = caller.run()
            setattr(job, name, value)
            assert caller.code(job) == code, value


def test_rates_and_temperatures_are_numbers(caller: Caller) -> None:
    for rate in (NAN, float("inf"), -float("inf")):
        caller.rates[1] = rate
        assert caller.code(caller.run()) == -11
    for temperature in (0.0, -1.0, NAN, float("inf")):
        job = caller.sample()
        job.temperature = temperature
        assert caller.code(job) == -11, temperature


def test_threads_without_a_pool_are_refused(caller: Caller) -> None:
    job = caller.run()
    job.threads = 2
    assert caller.code(job) == -12
    pool = caller.library.create_pool(2)
    job.pool = pool
    assert caller.code(job) == 0
    job.threads = 3
    assert caller.code(job) == -12
    caller.library.destroy_pool(pool)
    with pytest.raises(EngineError, match="9 threads cannot be started"):
        caller.library.create_pool(9)


@pytest.mark.parametrize("kind", ["run", "sample"])
@pytest.mark.parametrize("seed", range(20))
def test_spoiled_fields_never_crash(caller: Caller, kind: str, seed: int) -> None:
    rng = random.Random(seed)
    known = {0, *ERRORS}
    for _ in range(100):
        job = getattr(caller, kind)()
        for name, field_kind in rng.sample([*fields_of(job).items()], rng.choice([1, 1, 2, 5])):
            if field_kind is c_int64:
                most = CAPACITY.get(name)
                allowed = [n for n in NUMBERS if most is None or n <= most or n > 512]
                setattr(job, name, rng.choice(allowed))
            elif field_kind is c_double:
                setattr(job, name, rng.choice(REALS))
            elif name not in {"pool", "grads", "counts"}:
                setattr(job, name, None)
        if job.n_docs > 40 if isinstance(job, Run) else job.n > 4:
            continue  # see CAPACITY
        if job.memory_bytes > caller.memory.nbytes:
            continue
        assert caller.code(job) in known
        # The weights may have become anything, which is the next call's good right to be given.
    assert sizeof(Run) % 8 == 0


def test_every_code_has_a_sentence() -> None:
    assert sorted(ERRORS) == list(range(-16, 0))
    assert all(text.endswith(".") and text[0].isupper() for text in ERRORS.values())
