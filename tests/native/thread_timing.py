"""What threads are worth, where their cores are free and where another process has one: by hand.

    python -m tests.native.thread_timing --threads 2 --seconds 20
    python -m tests.native.thread_timing --threads 2 --seconds 20 --busy 1

Runs with one thread and with several take turns, of half a second each, and are compared by the
wall clock. --busy N starts a process that never rests on core N.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import replace
from statistics import median
from time import perf_counter

from eetui.core.config import ModelConfig, TrainConfig, default_n_heads
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from tests.support.steps import advance

CHUNK_SECONDS = 0.01
BLOCK_SECONDS = 0.5


class Run:
    """A training that is gone on with in turns; gives microseconds a step."""

    def __init__(self, dataset: Dataset, d_model: int, batch: int, on: Optimizations) -> None:
        self._model = ModelConfig(d_model, default_n_heads(d_model), vocab_size=dataset.vocab_size)
        self._train = TrainConfig(batch=batch, steps=10**8)
        self._dataset, self._on = dataset, on
        self._engine = NativeEngine()
        self._state = TrainState.create(self._model, 1)
        self._n = 1
        self.block(0.05)

    def block(self, seconds: float) -> float:
        """Train for so long in chunks of 10 ms, as a session does."""
        start, steps, now = perf_counter(), 0, 0.0
        while now < seconds:
            advance(
                self._engine,
                self._state,
                self._dataset,
                self._model,
                self._train,
                self._on,
                self._n,
            )
            steps += self._n
            now = perf_counter() - start
            self._n = max(1, int(CHUNK_SECONDS * steps / now))
        return now / steps * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="for all shapes together")
    parser.add_argument("--busy", help="a core")
    parser.add_argument("--products", default="tiles")
    parser.add_argument("--d-model", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 64])
    options = parser.parse_args()
    dataset = load_dataset()
    on = replace(NativeEngine().default_optimizations(), products=options.products)
    several = replace(on, threads=options.threads)
    busy = None
    if options.busy:
        command = ["taskset", "-c", options.busy, sys.executable, "-c", "while True: pass"]
        busy = subprocess.Popen(command)
    shapes = [(d, batch) for d in options.d_model for batch in options.batch]
    n = max(3, round(options.seconds / len(shapes) / 2 / BLOCK_SECONDS))
    try:
        for d_model, batch in shapes:
            runs = [Run(dataset, d_model, batch, each) for each in (on, several)]
            pairs = [[run.block(BLOCK_SECONDS) for run in runs] for _ in range(n)]
            ratios = [one / more for one, more in pairs]
            one, more = (median(each) for each in zip(*pairs, strict=True))
            print(
                f"d_model {d_model:3d}  batch {batch:3d}  1 thread {one:8.1f} us  "
                f"{options.threads} threads {more:8.1f} us  {median(ratios):.2f} times as fast "
                f"({min(ratios):.2f} to {max(ratios):.2f})",
                flush=True,
            )
    finally:
        if busy:
            busy.kill()
            busy.wait()


if __name__ == "__main__":
    main()
