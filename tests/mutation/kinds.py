"""Faults that somebody who mistrusts the tests would try, each of which a test must find.

They are texts that stand once in a file, so a fault that no longer fits stops the script: give it
the text that stands there now. For those in C and in Numba's kernels the tests are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant

SRC = "core/engines/native/src/"
NUMBA = "core/engines/numba/"
TOGGLES = ("tests/core/engines/test_toggles.py", "-k", "native")
TOGGLES_NUMBA = ("tests/core/engines/test_toggles.py", "-k", "numba")
CONTRACT = "tests/core/engines/test_contract.py"
GRADIENTS = "tests/core/engines/test_gradients.py"
DENORMALS = (CONTRACT, "-k", "native and denormals")
STEPS = (CONTRACT, "-k", "native and follow")
STEPS_NUMBA = (CONTRACT, "-k", "numba and follow")
BACKWARD = (GRADIENTS, "-k", "native and ragged")
FORWARD_NUMBA = (GRADIENTS, "-k", "numba and odd")
PEAK = ("tests/core/engines/test_peak.py",)
BOUNDARY = ("tests/core/engines/native/test_boundary.py",)
SAMPLING = ("tests/core/engines/native/test_sampling.py",)
THREADS = ("tests/core/engines/native/test_threads.py",)


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault in words: `old` becomes `new` in the file at `path`.

    tests: arguments of pytest; those that run the line by default.
    """

    name: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...] = ()

    def mutant(self, root: Path) -> Mutant:
        """The changed file; ends the program if the text does not stand there once."""
        source = (root / self.path).read_text()
        if source.count(self.old) != 1:
            raise SystemExit(f"{self.path} does not have this once, for {self.name!r}:\n{self.old}")
        line = source[: source.index(self.old)].count("\n") + 1
        content = source.replace(self.old, self.new).encode()
        return Mutant(self.path, line, self.name, "", content)


KINDS = (
    # -- toggles that do nothing -----------------------------------------------------------------
    Kind("native padding skip that always skips", SRC + "step/batch-inl.h",
         "int size = run->padding_skip ? length : p->shape.T;", "int size = length;", TOGGLES),
    Kind("native order of work that is always by batch", SRC + "step/batch-inl.h",
         "if (document > from && run->by_sample) break;", "", TOGGLES),
    Kind("native exact exp that is the fast one", SRC + "step/layers-inl.h",
         "return fast ? v_exp(x)", "return fast || same ? v_exp(x)", TOGGLES),
    Kind("native prefix sharing that shares nothing", SRC + "step/batch-inl.h",
         "int share = run->prefix_sharing != 0,", "int share = 0,", TOGGLES),
    Kind("native denormals that are never flushed", SRC + "abi.c",
         "flush ? old | 0x8040 : old & ~(uint64_t)0x8040", "flush ? old : old & ~(uint64_t)0x8040",
         DENORMALS),
    Kind("Numba's exact exp that is the fast one in the attention", NUMBA + "attention.py",
         "exp_fast(x) if fast else exp_library(x)", "exp_fast(x)", TOGGLES_NUMBA),
    Kind("Numba's padding skip that always skips", NUMBA + "engine.py",
         "padding_skip=optimizations.padding_skip,", "padding_skip=True,", TOGGLES_NUMBA),
    # -- what an engine learns -------------------------------------------------------------------
    Kind("native Adam without the first bias correction", SRC + "step/adam-inl.h",
         "rate /= 1.0 - pow(run->beta1, (double)t);", "rate /= 1.0 + 0.0 * t;", STEPS),
    Kind("native backward of the norm without the mean", SRC + "step/layers-inl.h",
         "vec share = v_set(-1.0f / (float)p->shape.d);",
         "vec share = v_set(-0.0f / (float)p->shape.d);", BACKWARD),
    Kind("native threads of which the last one's loss is left out", SRC + "step/step-inl.h",
         "for (int t = 0; t < p->call.threads; t++) loss += p->call.loss[8 * t];",
         "for (int t = 0; t < p->call.threads - (p->call.threads > 1); t++)"
         " loss += p->call.loss[8 * t];", THREADS),
    Kind("native boundary that takes a token beyond the vocabulary", SRC + "abi.c",
         "if (highest >= r->vocab) return EETUI_TOKEN;",
         "if (highest > r->vocab) return EETUI_TOKEN;", BOUNDARY),
    Kind("native sampling that ignores the temperature", SRC + "step/sample-inl.h",
         "float inverse = (float)(1.0 / job->temperature);",
         "float inverse = (float)(1.0 / job->temperature * 0.0 + 1.0);", SAMPLING),
    Kind("Numba's Adam without the second bias correction", NUMBA + "adam.py",
         "root = splat(w, (1.0 - plan.beta2**step) ** -0.5)", "root = splat(w, 1.0)",
         STEPS_NUMBA),
    Kind("Numba's attention scaled by the width", NUMBA + "attention.py",
         "scale = splat(w, 1.0 / sqrt(size))\n    lowest",
         "scale = splat(w, 1.0 / sqrt(d))\n    lowest",
         FORWARD_NUMBA),
    Kind("the reference's Adam one step late", "core/model/reference.py",
         "m_hat = m / (1.0 - train.beta1 ** (step + 1))",
         "m_hat = m / (1.0 - train.beta1 ** (step + 2))"),
    # -- figures ---------------------------------------------------------------------------------
    Kind("a halved peak", "core/engines/peak.py",
         "operations / clocks.since(start).cost_ns", "operations / 2 / clocks.since(start).cost_ns",
         PEAK),
    Kind("a native peak that counts half of its work", SRC + "peak-inl.h",
         "return 2 * CHAINS * LANES * rounds;", "return CHAINS * LANES * rounds;", PEAK),
    Kind("a bench that leaves out drawing the documents", "core/measure/timer.py",
         """        start = clocks.now()
        report = self._engine.run(
            state,
            subject.dataset,
            subject.model,
            train,
            self._optimizations,
            documents_of(train, state.step, n_steps, subject.dataset.n_docs),
""",
         """        drawn = documents_of(train, state.step, n_steps, subject.dataset.n_docs)
        start = clocks.now()
        report = self._engine.run(
            state,
            subject.dataset,
            subject.model,
            train,
            self._optimizations,
            drawn,
"""),
    Kind("a bench that takes its best run for the typical one", "core/measure/bench.py",
         "us, peak_gflops = median(own), median(peaks)",
         "us, peak_gflops = min(own), median(peaks)"),
    Kind("a ladder in which the tile becomes the base of the rung above", "core/measure/climb.py",
         "if not rung.aside:\n            highest, below", "if True:\n            highest, below"),
    Kind("a ladder whose gains have the other sign", "core/measure/climb.py",
         "-verdict.estimate, -verdict.high, -verdict.low,",
         "verdict.estimate, verdict.low, verdict.high,"),
    Kind("a verdict of the other arm", "core/measure/comparison.py",
         "for place in (outer, 1 - outer, 1 - outer, outer):\n            blocks[place]",
         "for place in (outer, 1 - outer, 1 - outer, outer):\n            blocks[1 - place]"),
    Kind("an interval that is too narrow", "core/verdict.py",
         "np.searchsorted(np.cumsum(chances), ERROR / 2, side=\"right\")",
         "np.searchsorted(np.cumsum(chances), 5 * ERROR, side=\"right\")"),
    Kind("a verdict that sees a difference in an interval with zero in it", "core/verdict.py",
         "return self.low > 0 or self.high < 0", "return self.low > 0 or self.low < 0"),
    # -- data ------------------------------------------------------------------------------------
    Kind("documents that do not depend on the step", "core/data/batches.py",
         "mix(steps * np.uint64(_GOLDEN) ^ key)", "mix(steps * np.uint64(0) ^ key)"),
    Kind("documents that do not depend on the seed", "core/data/batches.py",
         "np.uint64((seed * _GOLDEN + 1) & _MASK)", "np.uint64((_GOLDEN + 1) & _MASK)"),
    Kind("held-out documents that are trained on", "core/data/dataset.py",
         "self._of(Side.without(out, n), block_size)",
         "self._of(Side.without(out[:0], n), block_size)"),
    # -- what is kept ----------------------------------------------------------------------------
    Kind("a checkpoint that loads with its moments exchanged", "core/run/checkpoint.py",
         "state = TrainState(**vectors, step=step)",
         "state = TrainState(vectors['params'], vectors['v'], vectors['m'], step=step)"),
    Kind("a checkpoint of numbers that are not finite", "core/run/checkpoint.py",
         "    if not state.is_finite:\n", "    if False:\n"),
    Kind("a file that is written in place", "core/files.py",
         "            os.replace(temporary, path)\n", "            path.write_bytes(content)\n"),
    Kind("a stored state that goes on being trained", "core/store/recorder.py",
         "copied = replace(live, state=live.state.clone())", "copied = live"),
    Kind("a store that goes on from a state that the run has left", "core/store/resume.py",
         "isinstance(entry.change, Restart | UseState | Rewind | Branch)",
         "isinstance(entry.change, Restart | UseState | Rewind)"),
    # -- undo, race, sampling --------------------------------------------------------------------
    Kind("a redo that survives a new change", "core/run/undo.py",
         "self._undone.clear()", "pass"),
    Kind("a keyframe that goes on being trained", "core/run/timeline.py",
         "Keyframe(entries, state.clone(), self._line, is_origin)",
         "Keyframe(entries, state, self._line, is_origin)"),
    Kind("a race in which the slowest gets the next slice", "core/race/league.py",
         "is not ContestantStatus.WAITING, lane.seconds))",
         "is not ContestantStatus.WAITING, -lane.seconds))"),
    Kind("speed-ups upside down", "core/race/league.py",
         "speedup=us / s.us_per_sample if us", "speedup=s.us_per_sample / us if us"),
    Kind("generating names on a contestant's clock", "core/race/lane.py",
         "self._names_ns += self._clock() - start",
         "record.nanoseconds += self._clock() - start"),
    Kind("a temperature that is ignored", "core/model/sampling.py",
         "above /= temperature", "above /= 1.0"),
    Kind("a document that goes on after its end", "core/model/sampling.py",
         "going &= tokens[:, t + 1] != boundary", "going &= tokens[:, t + 1] >= 0"),
    Kind("terminal escapes that reach the screen", "core/text.py",
         "if code < 0x20:\n        return chr(0x2400 + code)",
         "if code < 0x20:\n        return character"),
)  # fmt: skip
"""The first four, the halved peak, the bench and the ladder with the tile once survived."""
